"""Cards for the tests: one that says everything, and strategies for what strangers type."""

from __future__ import annotations

from hypothesis import strategies as st

from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk

COMPLETE = CardBody(
    use_cases=("Decide on unsecured retail loans up to 40,000 EUR, at application.",),
    out_of_scope=("Business loans, and customers outside Norrland.",),
    users=("Credit officers of the loan desk",),
    limitations=("Weak for applicants without twelve months of history.",),
    tradeoffs=("Two points of AUC were given up for a monotone income effect.",),
    risks=(Risk("Refusing people who would repay", "A person decides on every refusal."),),
    assessments=(
        Assessment(
            "Applicants under 25", "Cheaper loans", "More refusals", "Reviewed each quarter by hand"
        ),
    ),
    environment=("Training takes 0.2 hours on one 8-core machine.",),
    approach="supervised",
    family="gradient boosted trees",
    architecture="XGBoost, 300 trees of depth 6",
    figures=(Figure("AUC", "0.81", "applicants under 25", "0.79", "0.83"),),
)

# Whatever a keyboard, a paste or a stranger's program can send.
hostile = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "]]>--><img src=x onerror=alert(1)>",
        "---\nname: other\n---",
        "# Not a heading",
        "1. not a list",
        "| a | b |\n|---|---|",
        "[link](javascript:alert(1))",
        "`code`\n```\nfence",
        "\u202egnp.exe",
        "{{ 7 * 7 }} ${x} %s",
        "!!python/object/apply:os.system ['id']",
        "*anchor &alias",
    ]
)
