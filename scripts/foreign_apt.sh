# shellcheck shell=sh
# foreign_apt.sh - sourced: packages of any machine that Debian knows, from the archive that this
# machine uses. The package state of the machine itself is neither read nor changed: apt works on a
# state of its own for each architecture, below KMEM_CACHE_DIR (default build/cache), and nothing is
# installed. No list is fetched while the packages can be had with the lists at hand.
#
#	. scripts/foreign_apt.sh
#	foreign_apt s390x			# from here on: packages of that architecture
#	apt_newest linux-image-s390x		# prints linux-image-6.1.0-50-s390x
#	apt_download DIR busybox-static ...	# DIR/busybox-static_VERSION_s390x.deb ...
: "${KMEM_CACHE_DIR:=build/cache}"

foreign_apt() { # ARCH
	apt_arch=$1
	mkdir -p "$KMEM_CACHE_DIR/apt/$apt_arch/lists/partial" "$KMEM_CACHE_DIR/apt/$apt_arch/cache/archives/partial"
	apt_state=$(cd "$KMEM_CACHE_DIR/apt/$apt_arch" && pwd)
	: >"$apt_state/status"
}

apt_run() { # PROGRAM ARGUMENT...
	apt_program=$1
	shift
	"$apt_program" -qq -o APT::Architecture="$apt_arch" -o APT::Architectures="$apt_arch" \
		-o APT::Sandbox::User=root -o Dir::State="$apt_state" -o Dir::State::status="$apt_state/status" \
		-o Dir::Cache="$apt_state/cache" "$@"
}

apt_update() {
	# a mirror in the middle of a change still has the packages: what counts is whether they arrive
	apt_run apt-get update >&2 || true
}

apt_has() { # PACKAGE...
	apt_run apt-cache show "$@" >/dev/null 2>&1
}

apt_newest() { # PACKAGE: the package with a version in its name that this one stands for
	apt_has "$1" || apt_update
	apt_run apt-cache depends "$1" | sed -n 's/^ *Depends: \([a-z-]*-[0-9].*\)/\1/p' | head -n 1
}

apt_download() { # DIR PACKAGE...
	apt_dir=$1
	shift
	mkdir -p "$apt_dir"
	apt_has "$@" && (cd "$apt_dir" && apt_run apt-get download "$@" >&2) && return
	apt_update
	(cd "$apt_dir" && apt_run apt-get download "$@" >&2)
}
