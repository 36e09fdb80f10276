#!/bin/sh
# boot.sh MACHINE[-VARIANT] - boots a machine under QEMU, and unpacks what its process 1 (init) left into
# build/boot/MACHINE-VARIANT: console, wall_ms, guest/. Needs the kernel (kernel.sh MACHINE) and the recorder for it.
#
#	sh tests/boot/boot.sh arm64-saved
#
# QEMU emulates (-accel tcg), so that a boot is the same on every machine that runs the tests.
set -eu
: "${KMEM_CACHE_DIR:=build/cache}"
name=$1
here=$(dirname "$0")

arch=${name%%-*}
kernel=$KMEM_CACHE_DIR/boot/$arch
mode=dump
load=
faults=
args=$(build/kmem-record boot-args -q --kernel "$(cut -d - -f 1 "$kernel/release")" --mem 1G --cpus 2)
case $name in
amd64) load=+loop,-loop,+dummy,-dummy,+zram ;;
*-saved) mode=save ;;
*-no-clock) args=$(echo "$args" | sed 's/trace_clock=[^ ]*//') faults=1 ;;
*-large-buffer) args=$(echo "$args" | sed 's/trace_buf_size=[^ ]*/trace_buf_size=51M/') ;;
*-small-buffer) args=$(echo "$args" | sed 's/trace_buf_size=[^ ]*//') ;;
esac

case $arch in
amd64 | newer) qemu='qemu-system-x86_64 -M q35 -cpu max,-cx16' console=ttyS0 bus=pci cross=x86_64-linux-gnu ;;
arm64) qemu='qemu-system-aarch64 -M virt -cpu cortex-a72' console=ttyAMA0 bus=pci cross=aarch64-linux-gnu ;;
armhf) qemu='qemu-system-arm -M virt,highmem=off -cpu cortex-a15' console=ttyAMA0 bus=pci cross=arm-linux-gnueabihf ;;
s390x) qemu='qemu-system-s390x -M s390-ccw-virtio -cpu max' console=ttysclp0 bus=ccw cross=s390x-linux-gnu ;;
*)
	echo "boot.sh: no machine '$name'" >&2
	exit 2
	;;
esac
out=build/boot/$name
rm -rf "$out"
mkdir -p "$out/root/bin" "$out/root/modules" "$out/root/dev" "$out/guest"

cp "$here/init" "$out/root/init"
cp "$here/faults" "$out/root/bin/"
cp "$kernel/busybox" "$out/root/bin/"
cp scripts/collect-ftrace.sh "$out/root/bin/"
"$cross-strip" -o "$out/root/bin/kmem-record" "build/$cross-static-release/kmem-record"
[ -z "$faults" ] || "$cross-gcc" -static -O1 -o "$out/root/bin/without_bpf" tests/kernel/without_bpf.c
cp "$kernel"/modules/* "$out/root/modules/"
mknod "$out/root/dev/console" c 5 1
chmod 755 "$out/root/init" "$out/root/bin"/*
# not compressed: the emulated machine would be slower to unpack it than to copy it
(cd "$out/root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$out/initramfs"
truncate -s 512M "$out/disk"

args="console=$console panic=-1 quiet $args kmem_mode=$mode kmem_load=$load kmem_faults=$faults"
began=$(date +%s%N)
# shellcheck disable=SC2086	# $qemu is a list of words
timeout 300 $qemu -accel tcg -smp 2 -m 1024 -nographic -no-reboot -net none \
	-kernel "$kernel/vmlinuz" -initrd "$out/initramfs" -append "$args" \
	-drive file="$out/disk",format=raw,if=none,id=disk,cache=unsafe -device "virtio-blk-$bus,drive=disk" \
	</dev/null >"$out/console" 2>&1 || echo "qemu: exit status $?" >>"$out/console"
echo $((($(date +%s%N) - began) / 1000000)) >"$out/wall_ms"
tar -C "$out/guest" -xf "$out/disk" 2>"$out/tar.err" || cat "$out/tar.err" >>"$out/console"
rm -rf "$out/disk" "$out/root" "$out/initramfs" "$out/tar.err"
