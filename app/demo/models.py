"""The models of the demo: what each is for, and how each of its versions is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from app.demo.organisation import ALICE, DAN, Person

Task = Literal["binary classification", "multi-class classification", "regression"]
Family = Literal["logistic regression", "ridge regression", "random forest", "boosted trees"]

BINARY: Final[Task] = "binary classification"
MULTI: Final[Task] = "multi-class classification"
REGRESSION: Final[Task] = "regression"

LOGISTIC: Final[Family] = "logistic regression"
RIDGE: Final[Family] = "ridge regression"
FOREST: Final[Family] = "random forest"
BOOSTED: Final[Family] = "boosted trees"

NUMBERS: Final = (
    "age",
    "income",
    "years_employed",
    "credit_history_years",
    "late_payments",
    "existing_debt",
    "loan_amount",
    "term_months",
)
# Sex, and employment type, which stands in for it: most part-time contracts are held by women.
FAIR: Final = (*NUMBERS, "region", "housing", "purpose")
EVERYTHING: Final = (*FAIR, "sex", "employment")


@dataclass(frozen=True)
class Recipe:
    """One version: who trained it, with what, on what.

    `features` empty: every column of the data set. `rows` None: all training rows, else the first
    so many (an older, smaller extract). `description` empty: its author wrote none.
    """

    key: str
    author: Person
    family: Family
    description: str
    settings: Mapping[str, float] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    rows: int | None = None


@dataclass(frozen=True)
class DemoModel:
    """One registered model. `positive` is the class whose probability it answers, if binary."""

    name: str
    purpose: str
    domain: str
    owner: Person
    task: Task
    data: str
    key_metric: str
    recipes: tuple[Recipe, ...]
    positive: str | None = None

    @property
    def higher_is_better(self) -> bool:
        """The direction of the key metric: errors should be small, everything else large."""
        return self.key_metric not in {"mae", "rmse", "log_loss"}


CREDIT_PD: Final = DemoModel(
    name="credit-pd",
    purpose=(
        "Predicts loan default: the probability that a retail loan defaults within 12 months of"
        " signing. Approves or declines online applications up to 40,000 EUR. Trained on synthetic"
        " loans."
    ),
    domain="Retail credit",
    owner=ALICE,
    task=BINARY,
    data="synthetic-lending",
    key_metric="auc",
    positive="yes",
    recipes=(
        Recipe(
            "v1",
            DAN,
            LOGISTIC,
            "First attempt: amounts, terms and payment history only, on the first extract.",
            {"C": 1.0},
            NUMBERS,
            rows=2_500,
        ),
        Recipe(
            "v2",
            ALICE,
            LOGISTIC,
            "Adds region, housing and purpose as categories.",
            {"C": 1.0},
            FAIR,
            rows=2_500,
        ),
        Recipe(
            "v3",
            ALICE,
            FOREST,
            "Random forest on the full extract, so that combinations of inputs count.",
            {"n_estimators": 40, "max_depth": 5, "min_samples_leaf": 10},
            FAIR,
        ),
        Recipe(
            "v4",
            ALICE,
            BOOSTED,
            "Boosted trees, same inputs as version 3. Sex and employment type stay out.",
            {"max_iter": 70, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 30},
            FAIR,
        ),
        Recipe(
            "v5",
            DAN,
            BOOSTED,
            "Same as version 4, with sex and employment type added as inputs.",
            {"max_iter": 70, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 30},
            EVERYTHING,
        ),
    ),
)

CREDIT_SCORECARD: Final = DemoModel(
    name="credit-scorecard",
    purpose=(
        "Predicts loan default within 12 months by a formula that an adviser can explain term by"
        " term. A first indication at the counter. Trained on synthetic loans."
    ),
    domain="Retail credit",
    owner=DAN,
    task=BINARY,
    data="synthetic-lending",
    key_metric="auc",
    positive="yes",
    recipes=(
        Recipe(
            "v1",
            DAN,
            LOGISTIC,
            "Four inputs that are known at the counter.",
            {"C": 0.1},
            ("income", "loan_amount", "term_months", "late_payments"),
            rows=2_500,
        ),
        Recipe(
            "v2",
            DAN,
            LOGISTIC,
            "Adds existing debt, years employed and credit history.",
            {"C": 0.1},
            tuple(name for name in NUMBERS if name != "age"),
            rows=2_500,
        ),
        Recipe(
            "v3",
            DAN,
            LOGISTIC,
            "Adds housing and purpose, on the full extract.",
            {"C": 0.5},
            tuple(name for name in FAIR if name not in {"age", "region"}),
        ),
    ),
)

LOAN_LGD: Final = DemoModel(
    name="loan-lgd",
    purpose=(
        "Share of a defaulted loan that will never be recovered (loss given default, 0 to 1), for"
        " provisions. Trained on synthetic loans."
    ),
    domain="Collections",
    owner=ALICE,
    task=REGRESSION,
    data="synthetic-lending-losses",
    key_metric="mae",
    recipes=(
        Recipe(
            "v1",
            ALICE,
            RIDGE,
            "Straight lines through amounts and terms.",
            {"alpha": 1.0},
            NUMBERS,
        ),
        Recipe(
            "v2",
            ALICE,
            RIDGE,
            "Adds housing, purpose and region: owners pay back more.",
            {"alpha": 1.0},
            FAIR,
        ),
        Recipe(
            "v3",
            DAN,
            FOREST,
            "A forest on the inputs of version 2, to see whether combinations matter.",
            {"n_estimators": 60, "max_depth": 8, "min_samples_leaf": 5},
            FAIR,
        ),
    ),
)

ARREARS: Final = DemoModel(
    name="arrears-early-warning",
    purpose=(
        "How a running loan will be paid in six months: on time, late or defaulted, so that"
        " Collections can call early. Trained on synthetic loans."
    ),
    domain="Collections",
    owner=DAN,
    task=MULTI,
    data="synthetic-lending-arrears",
    key_metric="auc",
    recipes=(
        Recipe(
            "v1",
            DAN,
            LOGISTIC,
            "Payment history and amounts only.",
            {"C": 1.0},
            NUMBERS,
            rows=2_500,
        ),
        Recipe(
            "v2",
            DAN,
            LOGISTIC,
            "Adds region, housing and purpose; all loans.",
            {"C": 1.0, "balanced": 1},
            FAIR,
        ),
        Recipe(
            "v3",
            ALICE,
            FOREST,
            "A forest instead of straight lines. Not asked for release yet.",
            {"n_estimators": 60, "max_depth": 9, "min_samples_leaf": 6, "balanced": 1},
            FAIR,
        ),
    ),
)

SLIP_DIGITS: Final = DemoModel(
    name="slip-digits",
    purpose="Reads a handwritten digit on a scanned paying-in slip (8 x 8 pixels).",
    domain="Payments",
    owner=DAN,
    task=MULTI,
    data="handwritten-digits",
    key_metric="accuracy",
    recipes=(
        Recipe(
            "v1",
            DAN,
            LOGISTIC,
            "Straight lines through the pixels, trained on 400 digits.",
            {"C": 0.02},
            rows=400,
        ),
        Recipe("v2", DAN, LOGISTIC, "Same method, all digits.", {"C": 0.02}),
        Recipe(
            "v3",
            DAN,
            FOREST,
            "A forest of 150 trees instead of straight lines.",
            {"n_estimators": 150, "max_depth": 14},
        ),
        Recipe(
            "v4",
            ALICE,
            FOREST,
            "A small forest of 12 shallow trees for the scanners in the branches.",
            {"n_estimators": 12, "max_depth": 6},
        ),
    ),
)

CLAIM_TRIAGE: Final = DemoModel(
    name="claim-triage",
    purpose=(
        "Probability that the tumour in a critical-illness claim is malignant, so that such claims"
        " reach a specialist first. No claim is refused by it."
    ),
    domain="Insurance",
    owner=ALICE,
    task=BINARY,
    data="breast-cancer-wisconsin",
    key_metric="auc",
    positive="yes",
    recipes=(
        Recipe(
            "v1",
            ALICE,
            LOGISTIC,
            "Size and texture only.",
            {"C": 1.0},
            ("mean_radius", "mean_texture", "mean_smoothness"),
        ),
        Recipe(
            "v2",
            DAN,
            FOREST,
            "All thirty measurements, forest of shallow trees.",
            {"n_estimators": 60, "max_depth": 4},
        ),
        Recipe(
            "v3",
            ALICE,
            LOGISTIC,
            "All thirty measurements, strongly regularised.",
            {"C": 0.1},
        ),
        Recipe(
            "v4",
            ALICE,
            FOREST,
            "Five measurements that are known on the first day.",
            {"n_estimators": 40, "max_depth": 3},
            (
                "mean_texture",
                "mean_smoothness",
                "mean_symmetry",
                "mean_fractal_dimension",
                "mean_compactness",
            ),
        ),
    ),
)

HEALTH_PROGRESSION: Final = DemoModel(
    name="health-progression",
    purpose=(
        "Expected progression of diabetes one year after the first examination, in points, for the"
        " underwriters of life insurance."
    ),
    domain="Insurance",
    owner=DAN,
    task=REGRESSION,
    data="diabetes-progression",
    key_metric="mae",
    recipes=(
        Recipe(
            "v1",
            DAN,
            RIDGE,
            "Age, body mass index and blood pressure.",
            {"alpha": 1.0},
            ("age", "body_mass_index", "blood_pressure"),
        ),
        Recipe(
            "v2",
            DAN,
            FOREST,
            "All ten measurements except sex, as a forest.",
            {"n_estimators": 60, "max_depth": 3, "min_samples_leaf": 4},
            (
                "age",
                "body_mass_index",
                "blood_pressure",
                "total_cholesterol",
                "ldl",
                "hdl",
                "cholesterol_ratio",
                "log_triglycerides",
                "blood_sugar",
            ),
        ),
        Recipe("v3", DAN, RIDGE, "", {"alpha": 3.0}),
    ),
)

WINE_ORIGIN: Final = DemoModel(
    name="wine-origin",
    purpose=(
        "Recognises which of three cultivars a wine was made from by its chemical analysis, as a"
        " second opinion on wine pledged as collateral."
    ),
    domain="Private banking",
    owner=DAN,
    task=MULTI,
    data="wine-cultivars",
    key_metric="accuracy",
    recipes=(
        Recipe(
            "v1",
            DAN,
            LOGISTIC,
            "Alcohol and colour only.",
            {"C": 1.0},
            ("alcohol", "color_intensity", "hue"),
        ),
        Recipe(
            "v2",
            DAN,
            FOREST,
            "All thirteen results, small forest.",
            {"n_estimators": 20, "max_depth": 3},
        ),
        Recipe("v3", DAN, LOGISTIC, "All thirteen results, straight lines.", {"C": 0.5}),
    ),
)

MODELS: Final = (
    CREDIT_PD,
    CREDIT_SCORECARD,
    LOAN_LGD,
    ARREARS,
    SLIP_DIGITS,
    CLAIM_TRIAGE,
    HEALTH_PROGRESSION,
    WINE_ORIGIN,
)
