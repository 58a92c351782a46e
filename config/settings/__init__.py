"""Settings: the only place that reads the environment. Nothing here touches a file, a socket or a clock."""
