"""Lets the background thread of Horovod 0.28.1 sleep until there is work: ``wake_horovod.py SOURCE``, before the build.

As released, the thread wakes every millisecond (HOROVOD_CYCLE_TIME) and asks all other ranks whether they have
something to exchange. On cores that compute, each such round costs 80 µs: a step of 50 ms pays for fifty of them, and
then waits for the next. Changed so, the thread waits for the first tensor of its own process, at most a fifth of a
second.
"""

from __future__ import annotations

import sys
from pathlib import Path

BELL = """
// Rung where a tensor arrives, and where the end is asked for.
class Bell {
public:
  void Ring() {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      rung_ = true;
    }
    changed_.notify_one();
  }

  void Wait(std::chrono::milliseconds longest) {
    std::unique_lock<std::mutex> guard(mutex_);
    changed_.wait_for(guard, longest, [this] { return rung_; });
    rung_ = false;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

extern Bell bell;

"""
EMPTY = """
  bool Empty() const {
    std::lock_guard<std::mutex> guard(mutex_);
    return tensor_table_.empty();
  }
"""
SLEEP = """  bool idle = !state.shut_down;
  for (auto id : state.process_set_table.Ids()) {
    idle = idle && state.process_set_table.Get(id).tensor_queue.Empty();
  }
  if (idle) {
    bell.Wait(std::chrono::milliseconds(200));
  }
"""
# File, how often the text is there, text, what comes in front of it, what comes behind it.
CHANGES = [
    ("tensor_queue.h", 1, "#include <mutex>\n", "#include <chrono>\n#include <condition_variable>\n", ""),
    ("tensor_queue.h", 1, "class TensorQueue {\n", BELL, ""),
    ("tensor_queue.h", 1, "  TensorQueue() = default;\n", "", EMPTY),
    ("tensor_queue.cc", 1, "// Add a TensorTableEntry as well", "Bell bell;\n\n", ""),
    ("tensor_queue.cc", 2, "\n  message_queue_.push(std::move(message));\n", "", "  bell.Ring();\n"),
    ("tensor_queue.cc", 1, "message_queue_.push(std::move(messages[i]));\n", "", "    bell.Ring();\n"),
    ("operations.cc", 1, "  state.last_cycle_start = ", SLEEP, ""),
    ("operations.cc", 1, "    horovod_global.shut_down = true;\n", "", "    bell.Ring();\n"),
]


def main() -> None:
    common = Path(sys.argv[1]) / "horovod" / "common"
    for name, count, text, before, behind in CHANGES:
        source = (common / name).read_text(encoding="utf-8")
        if source.count(text) != count:
            sys.exit(f"{common / name}: expected {text.strip()!r} {count} times, found {source.count(text)}")
        (common / name).write_text(source.replace(text, before + text + behind), encoding="utf-8")


if __name__ == "__main__":
    main()
