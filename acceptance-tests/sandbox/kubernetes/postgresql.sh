#!/bin/sh
# The first process of a PostgreSQL in a container: makes the database the first time, then serves it.
# PGDATA: its folder. POSTGRES_PASSWORD_FILE: a file with the password of the user `postgres`.
set -eu
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
export PGDATA="${PGDATA:-/var/lib/postgresql/data}"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --auth-local=peer --auth-host=scram-sha-256 --pwfile="${POSTGRES_PASSWORD_FILE:?}" --encoding=UTF8 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' "$@"
