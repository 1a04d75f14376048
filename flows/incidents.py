"""Orders that were refused, blocked or cut, as events of the workflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from admf.core.events import BLOCK, CUT, REJECT, EventBus
from admf.simulation.incidents import Incident

#: Events of single orders that a run publishes; the order table has all of them.
MOST_EVENTS = 10_000

_TYPES = {"rejected": REJECT, "blocked": BLOCK, "cut": CUT}


def publish_incidents(bus: EventBus, incidents: Iterable[Incident]) -> None:
    """Publish an event for each incident, then one for each rule with the count.

    The audit trail takes all of these; Prefect's feed has those of the workflow alone, and so is spared the
    single orders: the counts are of the workflow (``workflow.orders.blocked``).
    """
    counts: Counter[tuple[str, str]] = Counter()
    for number, incident in enumerate(incidents):
        counts[incident.kind, incident.rule] += 1
        if number < MOST_EVENTS:
            data = incident._asdict()
            if incident.symbol is None:
                del data["symbol"]
            bus.publish(_TYPES[incident.kind], data)
    for (kind, rule), count in counts.items():
        bus.publish(f"workflow.orders.{kind}", {"rule": rule, "count": count})
