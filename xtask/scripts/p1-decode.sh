#!/bin/sh
# Shows X.411 messages (BER) to an independent decoder, tshark, and says how many it finds fault with.
#
#   p1-decode.sh FILE...
#
# Each message is laid into one fake TCP stream: TPKT, COTP, session, presentation, RTSE EXTERNAL, cut into
# slices, then one synchronization frame that makes the decoder put the slices together. Fault: an expert info
# of tshark, or no MTS identifier seen. Without tshark the script prints "skipped" and ends with 0.
set -u
if ! command -v tshark >/dev/null 2>&1 || ! command -v text2pcap >/dev/null 2>&1; then
    echo "skipped: tshark and text2pcap are not installed"
    exit 0
fi
work=$(mktemp -d) || exit 5
trap 'rm -rf "$work"' EXIT
python3 - "$work" "$@" <<'PY' || exit 5
import sys
work, files = sys.argv[1], sys.argv[2:]
SLICE = 30000

def length(n):
    if n < 128:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets

def tlv(tag, value):
    return bytes([tag]) + length(len(value)) + value

def tpkt(payload):
    body = bytes([0x02, 0xF0, 0x80]) + payload
    return bytes([3, 0]) + (len(body) + 4).to_bytes(2, "big") + body

with open(f"{work}/list", "w") as names:
    for number, name in enumerate(files):
        apdu = open(name, "rb").read()
        external = tlv(0x28, bytes([2, 1, 3]) + tlv(0xA0, apdu))
        frames = []
        for at in range(0, len(external), SLICE):
            data = tlv(0xA0, tlv(0x04, external[at:at + SLICE]))
            pdv = tlv(0x61, tlv(0x30, bytes([2, 1, 3]) + data))
            frames.append(tpkt(bytes([1, 0, 1, 0]) + pdv))
        frames.append(tpkt(bytes([1, 0, 0x29, 3, 0x2A, 1, 0x31])))
        with open(f"{work}/{number}.txt", "w") as out:
            for frame in frames:
                for at in range(0, len(frame), 16):
                    row = frame[at:at + 16]
                    out.write(f"{at:06x} " + " ".join(f"{byte:02x}" for byte in row) + "\n")
        names.write(f"{number} {name}\n")
PY
good=0
bad=0
while read -r number name; do
    text2pcap -q -T 40000,102 "$work/$number.txt" "$work/one.pcap" >/dev/null 2>&1
    tshark -r "$work/one.pcap" -o 'uat:pres_context_list:"3","2.6.0.2.7"' -V >"$work/one.out" 2>/dev/null
    faults=$(grep -c "Expert Info" "$work/one.out")
    if [ "$faults" -eq 0 ] && grep -q -i "local-identifier" "$work/one.out"; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        echo "$name: $faults expert infos"
        grep "Expert Info" "$work/one.out" | sort | uniq -c | head -5
    fi
done <"$work/list"
echo "$good messages without complaint, $bad with"
[ "$bad" -eq 0 ]
