#!/usr/bin/python3
"""Counts tests from the result files (trx) of dotnet test, and says what failed.

count_tests.py run FOLDER LABEL EXIT-CODE   one line about one run, then its failures; exit code 1 unless all went well
count_tests.py matrix FOLDER                a table of the runs that were made once per QEMU
count_tests.py total FOLDER                 the last line of all; exit code 1 when a test failed or none ran

A run that ended badly without a failed test (its host crashed or hung) is noted beside its result file and counts as
one failure, so that the last line never looks well when the run was not.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml
from datetime import datetime

TRX = "{http://microsoft.com/schemas/VisualStudio/TeamTest/2010}"
NOT_RUN = ("NotExecuted", "Pending", "NotRunnable", "Inconclusive")


class Run:
    def __init__(self, folder, label):
        self.label = label
        self.broken_note = folder / f"{label}.broken"
        self.log = folder / f"{label}.log"
        file = folder / f"{label}.trx"
        self.document = xml.parse(file).getroot() if file.exists() else None
        self.results = [] if self.document is None else list(self.document.iter(TRX + "UnitTestResult"))

    def failures(self):
        return [result for result in self.results if result.get("outcome") not in ("Passed", *NOT_RUN)]

    def counts(self):
        passed = sum(result.get("outcome") == "Passed" for result in self.results)
        failed = len(self.failures()) + self.broken_note.exists()
        skipped = sum(result.get("outcome") in NOT_RUN for result in self.results)
        return passed, failed, skipped

    def duration(self):
        times = None if self.document is None else self.document.find(TRX + "Times")
        if times is None:
            return ""
        # Cut to whole seconds: trx has one digit more than Python's parser takes.
        start, finish = (datetime.fromisoformat(times.get(name)[:19]) for name in ("start", "finish"))
        return f"{(finish - start).total_seconds():.0f} s"


def runs_in(folder):
    return [Run(folder, log.stem) for log in sorted(folder.glob("*.log"))]


def words(counts):
    passed, failed, skipped = counts
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def text_of(result, path):
    return (result.findtext("/".join(TRX + step for step in path.split("/"))) or "").strip()


def report_run(folder, label, exit_code):
    run = Run(folder, label)
    if exit_code != 0 and not run.failures():
        run.broken_note.write_text(f"exit code {exit_code}\n")
    passed, failed, skipped = run.counts()
    counted = f"{words(run.counts())}   {run.duration()}" if passed + failed + skipped else "no test to run"
    told = [f"{label:<52} {counted}"]
    for result in run.failures():
        told.append(f"  FAILED {result.get('testName')}")
        told += ["    " + line for line in text_of(result, "Output/ErrorInfo/Message").splitlines()[:12]]
        told += ["    " + line for line in text_of(result, "Output/ErrorInfo/StackTrace").splitlines()[:4]]
    if run.broken_note.exists():
        told.append(f"  FAILED the run itself ended with exit code {exit_code} (counted as one failure); {run.log} ends:")
        lines = run.log.read_text(errors="replace").splitlines()
        told.append("\n".join("    " + line for line in lines if not line.startswith("   at "))[-1500:])

    # At once: another run may be telling of itself at the same time.
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if failed else 0


def report_matrix(folder):
    runs = [run for run in runs_in(folder) if "-qemu-" in run.label]
    print(f"\n{'QEMU':<10} {'passed':>7} {'failed':>7} {'skipped':>8}   time")
    for run in runs:
        passed, failed, skipped = run.counts()
        print(f"{run.label.partition('-qemu-')[2]:<10} {passed:>7} {failed:>7} {skipped:>8}   {run.duration()}")
    return 0


def report_total(folder):
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *(run.counts() for run in runs_in(folder))))
    if passed + failed == 0:
        print("no test was run", file=sys.stderr)
    print(words((passed, failed, skipped)))
    return 1 if failed or passed == 0 else 0


def main(command, folder, *arguments):
    folder = pathlib.Path(folder)
    if command == "run":
        return report_run(folder, arguments[0], int(arguments[1]))
    return {"matrix": report_matrix, "total": report_total}[command](folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
