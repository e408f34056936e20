"""What is compared is chosen, not typed by heart."""

from __future__ import annotations

from tests.cast import House
from tests.screens import Screens, said


def test_another_model_to_compare_with_is_chosen_from_suggestions(on_screen: House) -> None:
    on_screen.credit()
    on_screen.credit(name="churn")
    here = Screens(on_screen, on_screen.carol)
    screen = here.open("compare", name="credit-pd")
    assert "Compare with churn" not in said(screen)
    churn = on_screen.model("churn").id
    screen.text_input(key="compare-other-typed").set_value("chu").run()
    screen.selectbox(key="compare-other").set_value(churn).run()
    assert "Compare with churn" in said(screen)
