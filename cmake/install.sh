# Shared by ./start and ./test; sourced, from the project's root.

say() { printf '==> %s\n' "$*" >&2; }

# install_missing KIND…: Debian packages of packages.txt with these kinds that are not there yet. As root, or with sudo.
install_missing() {
  local kind missing=() package
  for package in $(for kind in "$@"; do awk -v kind="$kind" '$1 == kind { print $2 }' packages.txt; done); do
    case $package in # whoever has another node has what it takes
      nodejs) command -v node >/dev/null && continue ;;
      npm) command -v npm >/dev/null && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "these packages are missing and there is no sudo: ${missing[*]}" >&2; exit 1; }
    sudo=sudo
  fi
  say "installing ${#missing[@]} Debian packages"
  local log; log=$(mktemp)
  { $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
    { cat "$log" >&2; exit 1; }
  rm -f "$log"
}

# build_targets PRESET TARGET…: with ninja's progress when a person watches, else quietly unless it fails.
build_targets() {
  local preset=$1; shift
  if [ -t 2 ]; then cmake --build "build/$preset" --target "$@" >&2; return; fi
  local log; log=$(mktemp)
  cmake --build "build/$preset" --target "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  rm -f "$log"
}
