"""How metrics are called on axes and in titles."""

_NAMES = {"logit_diff": "logit difference", "prob_diff": "probability difference"}


def metric_name(metric: str) -> str:
    """In words; a metric of another name as it is."""
    return _NAMES.get(metric, metric)
