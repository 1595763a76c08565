#!/bin/sh
# image.sh FOLDER REPOSITORY SUITE PACKAGES WIREGUARD: makes the root of a server from an apt repository on this machine.
# FOLDER holds init.sh, with which a server starts, and at the end root.tar. WIREGUARD is a program.
set -eu
folder=$1 repository=$2 suite=$3 packages=$4 wireguard=$5
root=$folder/root

# What is interrupted is made anew, so nothing need be on the disk at every moment.
export DPKG_FORCE=unsafe-io

# The repository is the sandbox's own; what went into it was verified when it was made.
debootstrap --variant=minbase --no-check-gpg --include="$packages" "$suite" "$root" "file://$repository"

install -m 755 "$folder/init.sh" "$root/usr/local/sbin/sandbox-init"

# wg-quick takes it where the kernel has no WireGuard.
install -m 755 "$wireguard" "$root/usr/local/bin/wireguard-go"

# As a fresh server of a provider: root by key, and a user who may do everything.
chroot "$root" useradd --create-home --shell /bin/bash admin
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/admin"
chmod 440 "$root/etc/sudoers.d/admin"

# chrony runs, and leaves the clock alone: it has no right to it, and would refuse to start without.
mkdir -p "$root/etc/systemd/system/chrony.service.d"
cat >"$root/etc/systemd/system/chrony.service.d/shared-clock.conf" <<'END'
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -x $DAEMON_OPTS
END

# What must differ between servers, and what nobody needs.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
: >"$root/var/log/bootstrap.log"

tar --create --numeric-owner --xattrs '--xattrs-include=*' --directory="$root" --file="$folder/root.tar" .
rm -rf "$root"
