#!/bin/sh
# mailquake beside smtp-source, smtp-sink and a bare client in C: cost, system calls, memory, starts.
#
#     benches/compare.sh [--rounds 9] [--seconds 10] [--only cost,calls,...] [--longest 100] [--write]
#
# Needs a release build of mailquake (or MAILQUAKE=PATH), smtp-source and smtp-sink (Postfix),
# strace, a C compiler, make and python3. Installs nothing; says what is missing. `--write` puts the
# tables into benches/RESULTS.md, and a plot of the part `growth` beside it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
mailquake=${MAILQUAKE:-${CARGO_TARGET_DIR:-$here/../target}/release/mailquake}

lacking=
for tool in smtp-source smtp-sink strace cc make python3; do
    command -v "$tool" >/dev/null || lacking="$lacking $tool"
done
[ -x "$mailquake" ] || lacking="$lacking $mailquake"
if [ -n "$lacking" ]; then
    echo "compare.sh: lacking:$lacking" >&2
    exit 2
fi
make -s -C "$here/bare"
export PATH
exec python3 -B "$here/compare" --bare "$here/bare" --mailquake "$mailquake" "$@"
