#!/bin/sh
# Processor time for each message: mailquake, smtp-source and a bare client, side by side.
#
#     benches/compare.sh [--rounds 9] [--messages 100000]
#
# Needs a release build of mailquake (or MAILQUAKE=PATH), smtp-source and smtp-sink (Postfix), a C
# compiler, make and python3. Installs nothing; says what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
mailquake=${MAILQUAKE:-$here/../target/release/mailquake}

lacking=
for tool in smtp-source smtp-sink cc make python3; do
    command -v "$tool" >/dev/null || lacking="$lacking $tool"
done
[ -x "$mailquake" ] || lacking="$lacking $mailquake"
if [ -n "$lacking" ]; then
    echo "compare.sh: lacking:$lacking" >&2
    exit 2
fi
make -s -C "$here/bare"
export PATH
exec python3 "$here/compare.py" --bare "$here/bare" --mailquake "$mailquake" "$@"
