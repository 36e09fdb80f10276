# shellcheck shell=sh
# foreign_apt.sh - sourced: packages of any machine that Debian knows, from the archive that this
# machine uses. The package state of the machine itself is neither read nor changed: apt works on a
# state of its own for each architecture, below KMEM_CACHE_DIR (default build/cache), and nothing is
# installed. No list is fetched while the packages can be had with the lists at hand.
#
#	. scripts/foreign_apt.sh
#	foreign_apt s390x			# from here on: packages of that architecture
#	foreign_apt amd64 backports		# of the backports to the release of this machine
#	apt_newest linux-image-s390x		# prints linux-image-6.1.0-50-s390x
#	apt_download DIR busybox-static ...	# DIR/busybox-static_VERSION_s390x.deb ...
: "${KMEM_CACHE_DIR:=build/cache}"

foreign_apt() { # ARCH [SUITE]: the sources are those of this machine, or SUITE beside its release
	apt_arch=$1
	apt_dir=$KMEM_CACHE_DIR/apt/$1${2:+-$2}
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
	apt_state=$(cd "$apt_dir" && pwd)
	: >"$apt_state/status"
	apt_sources=
	[ -n "${2-}" ] || return 0
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	site=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' | sed -n "s/ $release main\$//p" | head -n 1)
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $release-$2 main" >"$apt_state/sources"
	apt_sources="-o Dir::Etc::sourcelist=$apt_state/sources -o Dir::Etc::sourceparts=/dev/null"
}

apt_run() { # PROGRAM ARGUMENT...
	apt_program=$1
	shift
	# shellcheck disable=SC2086	# options, or nothing
	"$apt_program" -qq $apt_sources -o APT::Architecture="$apt_arch" -o APT::Architectures="$apt_arch" \
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
