"""Files that monitoring reads: how the last run ended, and when one last ended well."""

from kanport.monitoring.prometheus import write_metrics
from kanport.monitoring.status_file import last_success_in, write_status

__all__ = ["last_success_in", "write_metrics", "write_status"]
