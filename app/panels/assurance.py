"""Who computed the numbers of the screens: one chip for each source, the same everywhere."""

from __future__ import annotations

from typing import Final

from app.ui.chips import Assured

RUN: Final = Assured(
    is_verified=False,
    by="the run",
    told="The run that made the version wrote this into MLflow. Countersign shows it and has not "
    "computed it again.",
)
RUNS: Final = Assured(
    is_verified=False,
    by="the runs",
    told="The runs that made the versions wrote these into MLflow. Countersign shows them and has "
    "not computed them again.",
)
APPLICATIONS: Final = Assured(
    is_verified=False,
    by="the applications",
    told="Counted by Countersign from the calls that applications report. A call that nobody "
    "reports is not in it.",
)
DECLARED: Final = Assured(
    is_verified=False,
    by="people",
    told="Somebody declared what an outcome is worth, and applications reported the outcomes. "
    "Countersign multiplies the two and checks neither.",
)
EXPLAINED: Final = Assured(
    is_verified=True,
    by="Countersign",
    told="Countersign ran the version's files on the evaluation rows that its run left, and "
    "computed this itself.",
)
DIFFERENCE: Final = Assured(
    is_verified=True,
    by="Countersign",
    told="Countersign computed the difference from what both runs reported, and its interval from "
    "the answers that both left row by row, where they did.",
)
ROWS: Final = Assured(
    is_verified=True,
    by="Countersign",
    told="Countersign read the sample of rows that each run left, and compared them itself.",
)
EVIDENCE: Final = Assured(
    is_verified=True,
    by="Countersign",
    told="Countersign computed or checked this itself when it read the evidence.",
)
REPORTED_EVIDENCE: Final = Assured(
    is_verified=False,
    told="It rests on what somebody else reported; Countersign has not computed it again.",
)
FILES: Final = Assured(
    is_verified=True,
    by="Countersign for its release request",
    told="Countersign read every file of the version and computed the digest over all of them.",
)
