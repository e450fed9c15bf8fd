"""The tasks, by name."""

from benchmarks.quality.task import Task
from benchmarks.quality.tasks import dense, digits, finetune, sequence, tabular

TASKS: dict[str, Task] = {
    task.name: task
    for module in (dense, tabular, digits, sequence, finetune)
    for task in module.TASKS
}
