#!/bin/sh
# The first process of a server, which then becomes its init system.
set -eu

# The kernel is the machine's. Of its settings only those of the network belong to a server.
for path in /proc/sys /proc/sys/net /sys; do mount --bind "$path" "$path"; done
for path in /proc/sys /sys; do mount -o remount,bind,ro "$path"; done
# But for three that a kubelet insists on writing: a server has these to itself, and they have no effect.
for key in kernel/panic kernel/panic_on_oops vm/overcommit_memory; do
    file=$(mktemp /run/setting.XXXXXX)
    cat "/proc/sys/$key" >"$file"
    chmod 644 "$file"
    mount --bind "$file" "/proc/sys/$key"
    rm "$file"
done
if [ -e /proc/sysrq-trigger ]; then mount --bind -o ro /dev/null /proc/sysrq-trigger; fi

# What podman mounted below /sys is hidden now. systemd mounts anew what it expects, which is cpu and cpuacct as one; where
# the machine has them apart, it would do without both, and a kubelet would not start. So each is mounted as the machine has it.
controllers=$(sed -n 's/^[0-9]*:\([a-z_,]\{1,\}\):.*/\1/p' /proc/self/cgroup)
if [ -n "$controllers" ]; then
    mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs /sys/fs/cgroup
    for names in $controllers; do
        mkdir "/sys/fs/cgroup/$names"
        mount -t cgroup -o "$names" cgroup "/sys/fs/cgroup/$names"
    done
fi

# Podman mounts files of its own over these, and a file that is mounted cannot be replaced.
umount /etc/hosts /etc/hostname /etc/resolv.conf 2>/dev/null || true

# What makes this server different from another, at the first boot.
if [ ! -s /etc/machine-id ]; then
    name=$(cat /seed/name)
    echo "$name" >/etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n' "$name" >/etc/hosts
    # Nobody answers there, and a server has no route to it: a query fails at once instead of being waited for.
    echo 'nameserver 203.0.113.53' >/etc/resolv.conf
    chmod 644 /etc/hostname /etc/hosts /etc/resolv.conf
    install -m 644 /seed/sources.list /etc/apt/sources.list
    install -m 600 /seed/ssh_host_ed25519_key /etc/ssh/
    install -m 644 /seed/ssh_host_ed25519_key.pub /etc/ssh/
    for user in root admin; do
        home=$(getent passwd "$user" | cut -d: -f6)
        install -d -m 700 -o "$user" -g "$user" "$home/.ssh"
        install -m 600 -o "$user" -g "$user" /seed/authorized_keys "$home/.ssh/authorized_keys"
    done
fi
umount /seed
rmdir /seed

# systemd does so itself, but in a container; without it a unit's credentials, and mounts of pods, are seen by nobody.
mount --make-rshared /

# The clock is the machine's too: no process of a server can ever set it.
exec setpriv --bounding-set=-sys_time /sbin/init
