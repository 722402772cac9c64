#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make.sh FOLDER: the locales that the tests run in, where the system need not have any.
set -eu
mkdir -p "$1"
for name in de_DE tr_TR; do
    [ -d "$1/$name.UTF-8" ] && continue
    if ! command -v localedef >/dev/null || [ ! -f "/usr/share/i18n/locales/$name" ]; then
        echo "the sources of $name are missing; install Debian's package locales: apt-get install locales" >&2
        exit 1
    fi
    localedef -i "$name" -f UTF-8 "$1/$name.UTF-8.new" && mv "$1/$name.UTF-8.new" "$1/$name.UTF-8"
done
