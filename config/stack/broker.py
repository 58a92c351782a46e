"""Messages that a killed worker had taken and not finished."""

from typing import Any

from kombu import Connection


def bring_back_unacknowledged(url: str) -> int:
    """Put every taken but unacknowledged message back into its queue. Returns how many may have been there.

    Only before any worker runs: such a message otherwise comes back after the visibility timeout, a day later.
    """
    # Not through a Celery app: CELERY_BROKER_URL in the environment would win over `url`.
    with Connection(url) as connection:
        # kombu's Redis channel; what it adds to a plain one is not in its types.
        channel: Any = connection.default_channel
        waiting = int(channel.client.zcard(channel.unacked_index_key))
        if waiting:
            # Older than now by definition: everything counts as timed out.
            channel.visibility_timeout = -5
            channel.qos.restore_visible(num=10_000, interval=1)
        return waiting
