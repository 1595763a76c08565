# shellcheck shell=sh
# The forced command of a certificate that may only look (see vault.sh): sshd runs this in place of what the client asks for.
# Of that it takes nothing but the name of one of our programs, which only root can put there, to run it in check mode or
# tell its hash; or the name of a backup policy, to tell its records.
program=
for named in $(printf '%s' "$SSH_ORIGINAL_COMMAND" | grep -oE '/usr/local/libexec/socle/[a-z_-]+-[0-9a-f]{64}'); do
    [ ! -x "$named" ] || program=$named
done
policy=$(printf '%s' "$SSH_ORIGINAL_COMMAND" | grep -oE '/var/lib/socle/backup/[a-z0-9-]+' | head -n 1)
if [ -z "$program" ] && [ -n "$policy" ]; then
    if ! sudo -n test -e "$policy"; then
        sudo -n test -e "/etc/socle/backup/${policy##*/}.json" || exit 66 # no such policy
        exit                                                             # it never ran
    fi
    if sudo -n flock --nonblock --shared "$policy/lock" true; then echo resting; else echo running; fi
    sudo -n cat "$policy/status.json" 2>/dev/null || :
    exit
fi
case $program in
'') echo "socle: $(uname -m)" >&2 && exit 127 ;; # not installed: the provider says so
*/socle-node-*) exec sudo -n "$program" readers ;;
*/socle-backup-*) hash=$(sha256sum "$program") && printf '%s %s' "$program" "${hash%% *}" ;;
*) exec sudo -n "$program" --check ;;
esac
