#!/bin/sh
# Reads an event log file of Windows NT with an independent reader, evtexport of libevt, and compares what it
# says with the list of the same events as `dxa-cycle events --json` prints it.
#
#   evt-read.sh FILE.evt LIST.jsonl
#
# Compared: number, times, type, computer, source, category's presence, id, insertion strings. Without evtexport
# (Debian: libevt-utils) or python3 the script prints "skipped" and ends with 0.
set -u
if ! command -v evtexport >/dev/null 2>&1 || ! command -v python3 >/dev/null 2>&1; then
    echo "skipped: evtexport (libevt-utils) and python3 are not both installed"
    exit 0
fi
work=$(mktemp -d) || exit 5
trap 'rm -rf "$work"' EXIT
evtexport -V | head -n 1
LC_ALL=C.UTF-8 evtexport "$1" >"$work/exported" || exit 5
python3 - "$work/exported" "$2" <<'PY'
import datetime, json, sys

def blocks(path):
    block = None
    for line in open(path, encoding="utf-8"):
        name, colon, value = line.rstrip("\n").partition(":")
        name = name.strip()
        if name == "Event number" and colon:
            block = {"number": int(value), "strings": []}
            yield block
        elif block is not None and colon:
            value = value.strip()
            if name == "String":
                # "String: 1			: text": the text follows the second colon.
                block["strings"].append(value.partition(":")[2].strip())
            else:
                block[name] = value

exported = list(blocks(sys.argv[1]))
listed = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
assert listed.pop().get("end") is True, "the list is cut off"
TYPES = {"error": (1, 3), "warning": (2, 2), "information": (4, 1)}
faults = 0

def differ(number, what, theirs, ours):
    global faults
    faults += 1
    if faults <= 10:
        print(f"event {number}: {what}: {theirs!r} is not {ours!r}")

if len(exported) != len(listed):
    differ(0, "count", len(exported), len(listed))
for number, (theirs, ours) in enumerate(zip(exported, listed), 1):
    code, severity = TYPES[ours["type"]]
    time = datetime.datetime.fromisoformat(ours["time"]).astimezone(datetime.timezone.utc)
    said = f"{time:%b %d, %Y %H:%M:%S} UTC"
    full = severity << 30 | ours["id"]
    for what, has, wanted in [
        ("number", theirs["number"], number),
        ("created", theirs["Creation time"], said),
        ("written", theirs["Written time"], said),
        ("type", f"({code})" in theirs["Event type"], True),
        ("computer", theirs["Computer name"], ours["computer"]),
        ("source", theirs["Source name"], ours["source"]),
        ("category", int(theirs.get("Event category", "0")) > 0, True),
        ("id", theirs["Event identifier"], f"0x{full:08x} ({full})"),
        ("strings", theirs["strings"], [text.strip() for text in ours["strings"]]),
    ]:
        if has != wanted:
            differ(number, what, has, wanted)
print(f"{len(exported)} events read back, {faults} differences")
sys.exit(1 if faults else 0)
PY
