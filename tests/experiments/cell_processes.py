"""Which processes run cells."""

import psutil


def cells_alive(pid: int | None = None) -> list[psutil.Process]:
    """Children of a fork server of this process, or of another."""
    servers = [p for p in psutil.Process(pid).children() if "forkserver" in " ".join(p.cmdline())]
    return [cell for server in servers for cell in server.children()]
