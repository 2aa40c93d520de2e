#!/usr/bin/env bash
# Makes a capture of the real program for docs/screenshot.png: needs tmux. The capture, with its colors,
# goes to the file named; any tool that draws terminal captures makes the picture.
#   docs/screenshot.sh target/release/gptoss-tui capture.ans
set -euo pipefail
program=${1:?the program} capture=${2:?the file to write}
home=$(mktemp -d)
keys() { tmux -L gptoss-shot send-keys -t main "$@"; sleep 0.3; }
tmux -L gptoss-shot -f /dev/null new-session -d -s main -x 120 -y 40 \
    "env HOME=$home $program --set ui.color=truecolor"
trap 'tmux -L gptoss-shot kill-server; rm -rf "$home"' EXIT
sleep 3
keys 'Tell me a story about a fox.' Enter
sleep 6
keys Escape; keys Tab
for _ in 1 2 3 4; do keys v; done
tmux -L gptoss-shot capture-pane -e -p -t main > "$capture"
