# shellcheck shell=bash
# Shared by the start-* and stop scripts. Sourced, not run.

set -euo pipefail
umask 022
lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prog=$(basename "$0")
py=/usr/bin/python3
export LC_ALL=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

die() {
  echo "$prog: $*" >&2
  exit 1
}

# need FILE...: the programs must be there. Exit status 77 tells the caller that they are not.
need() {
  local f
  for f in "$@"; do
    [ -x "$f" ] || command -v "$f" >/dev/null || {
      echo "$prog: $f is missing: run .ci/servers/install" >&2
      exit 77
    }
  done
}

# open_dir DIR: makes it, sets $dir to its absolute path; dies when one runs there.
open_dir() {
  [ -n "${1:-}" ] || die "usage: $prog DIR"
  mkdir -p "$1"
  dir=$(cd "$1" && pwd -P)
  case $dir in
  *[!A-Za-z0-9._/+@=,-]*) die "DIR must be plain (letters, digits, ._/+@=,-): $dir" ;;
  esac
  if [ -n "$(live_pids "$dir")" ]; then die "an instance is already running in $dir"; fi
  rm -f "$dir"/pids/*.pid "$dir/env"
  drop_short "$dir"
  mkdir -p "$dir/pids" "$dir/run"
  : >"$dir/log"
}

# free_ports N [WANTED...]: N ports free on 127.0.0.1, outside the range the
# kernel gives to outgoing connections. A WANTED other than 0 or "" is taken as is.
# Ports are given out in turn, so that none is given to two servers that start, or
# start again, at the same time.
free_ports() {
  $py - "$@" <<'PY'
import fcntl, os, random, socket, sys
first, last = 12000, 32000
n = int(sys.argv[1])
want = [int(a or 0) for a in sys.argv[2:]] + [0] * n
held, out = [], []
turn = open(f"/tmp/mailmill-ports-{os.getuid()}", "a+")
fcntl.flock(turn, fcntl.LOCK_EX)
turn.seek(0)
next_port = int(turn.read() or random.randrange(first, last))
for w in want[:n]:
    for _ in range(2000):
        p = w or next_port
        if not w:
            next_port = p + 1 if p + 1 < last else first
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", p))
        except OSError as e:
            s.close()
            if w:
                sys.exit(f"port {p}: {e.strerror}")
            continue
        held.append(s)
        out.append(str(p))
        break
    else:
        sys.exit("no free port")
turn.truncate(0)
turn.write(str(next_port))
turn.close()
print(" ".join(out))
PY
}

# start_time PID: the process's start in clock ticks; with the pid it names a
# process for good, so a reused pid is never mistaken for ours.
start_time() {
  local s
  s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  s=${s##*) }
  # shellcheck disable=SC2086
  set -- $s
  echo "${20}"
}

# note_pid NAME PID: remembers a process of the instance in $dir.
note_pid() {
  echo "$2 $(start_time "$2")" >"$dir/pids/$1.pid"
}

# live_pids DIR: remembered processes that still live.
live_pids() {
  local f p t
  for f in "$1"/pids/*.pid; do
    [ -f "$f" ] || continue
    read -r p t <"$f" || continue
    [ "$(start_time "$p")" = "$t" ] && echo "$p"
  done
  return 0
}

# with_children PID...: these and all their descendants, each as PID:START.
with_children() {
  $py - "$@" <<'PY'
import os, sys
kids, start = {}, {}
for d in os.listdir("/proc"):
    if d.isdigit():
        try:
            f = open(f"/proc/{d}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        start[d] = f[19]
        kids.setdefault(f[1], []).append(d)
todo, seen = list(sys.argv[1:]), []
while todo:
    p = todo.pop()
    if p in start and p not in seen:
        seen.append(p)
        todo += kids.get(p, [])
print(" ".join(f"{p}:{start[p]}" for p in seen))
PY
}

still() { # still PID:START...: those that live and are no zombies
  local e s
  for e in "$@"; do
    s=$(cat "/proc/${e%:*}/stat" 2>/dev/null) || continue
    s=${s##*) }
    [ "${s%% *}" != Z ] && [ "$(start_time "${e%:*}")" = "${e#*:}" ] && echo "$e"
  done
  return 0
}

# halt PID...: makes processes stand still, and waits until they do.
halt() {
  local p s i
  kill -STOP "$@" 2>/dev/null || true
  for p in "$@"; do
    for i in $(seq 1 1000); do
      s=$(cat "/proc/$p/stat" 2>/dev/null) || break
      s=${s##*) }
      case ${s%% *} in T | Z | X) break ;; esac
      sleep 0.01
    done
  done
}

# stop_instance DIR [KILL]: ends what DIR/pids names, and all descendants; with KILL by SIGKILL, all at once.
stop_instance() {
  local masters all left e i
  masters=$(live_pids "$1")
  if [ -n "$masters" ]; then
    # shellcheck disable=SC2086
    [ -z "${2:-}" ] || halt $masters # or they start another one meanwhile
    # shellcheck disable=SC2086
    all=$(with_children $masters)
    if [ -n "${2:-}" ]; then
      # shellcheck disable=SC2046
      kill -KILL $(for e in $all; do echo "${e%:*}"; done) 2>/dev/null || true
    else
      # shellcheck disable=SC2086
      kill -TERM $masters 2>/dev/null || true
    fi
    left=$all
    for i in $(seq 1 300); do
      # shellcheck disable=SC2086
      left=$(still $left | tr '\n' ' ')
      [ -n "${left// /}" ] || break
      if [ "$i" -eq 60 ]; then # 3 s: the children too
        for e in $left; do kill -TERM "${e%:*}" 2>/dev/null || true; done
      elif [ "$i" -eq 200 ]; then # 10 s
        for e in $left; do kill -KILL "${e%:*}" 2>/dev/null || true; done
      fi
      sleep 0.05
    done
    [ -z "${left// /}" ] || {
      echo "$prog: still running: $left" >&2
      return 1
    }
  fi
  rm -f "$1"/pids/*.pid
  drop_short "$1"
}

# fail MESSAGE: log's tail, stop, exit 1.
fail() {
  echo "$prog: $*" >&2
  echo "--- tail of $dir/log" >&2
  tail -n 40 "$dir/log" >&2 || true
  stop_instance "$dir" || true
  exit 1
}

# wait_answer PID PORT KIND [SECONDS]: KIND imap (greeting), http (any status
# line), tls (handshake), tcp (connects). $host: where, 127.0.0.1.
wait_answer() {
  WAIT_HOST=${host:-127.0.0.1} $py - "$@" <<'PY' || fail "no answer on port $2 ($3)"
import os, socket, ssl, sys, time
pid, port, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
end = time.time() + float(sys.argv[4] if len(sys.argv) > 4 else 60)
while time.time() < end:
    if not os.path.exists(f"/proc/{pid}"):
        sys.exit("the server ended")
    try:
        with socket.create_connection((os.environ["WAIT_HOST"], port), 5) as s:
            if kind == "imap":
                if s.recv(100).startswith(b"* OK"):
                    s.sendall(b"a LOGOUT\r\n")
                    while s.recv(4096):
                        pass
                    sys.exit(0)
            elif kind == "http":
                s.sendall(b"OPTIONS / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                if s.recv(100).startswith(b"HTTP/"):
                    sys.exit(0)
            elif kind == "tls":
                c = ssl._create_unverified_context()
                with c.wrap_socket(s):
                    sys.exit(0)
            else:
                sys.exit(0)
    except OSError:
        pass
    time.sleep(0.03)
sys.exit("timed out")
PY
}

# make_cert: DIR/ca.pem (a private CA) and DIR/tls.pem, DIR/tls.key signed by it,
# for localhost and 127.0.0.1; CERT_NAME=other.example makes a cert for that name
# only (to test a wrong name). Kept when already there.
make_cert() {
  local san="DNS:localhost,IP:127.0.0.1,IP:127.0.0.2" name=${CERT_NAME:-localhost} t
  [ -s "$dir/tls.pem" ] && [ "$(cat "$dir/run/cert-name" 2>/dev/null)" = "$name" ] && return
  [ "$name" = localhost ] || san="DNS:$name"
  t=$(mktemp -d "$dir/run/cert.XXXXXX")
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
      -days 3650 -subj "/CN=Test CA" -keyout "$t/ca.key" -out "$dir/ca.pem" \
      -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
      -subj "/CN=$name" -keyout "$dir/tls.key" -out "$t/req.pem"
    printf '%s\n' "basicConstraints=CA:FALSE" "subjectAltName=$san" \
      "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" >"$t/ext"
    openssl x509 -req -in "$t/req.pem" -CA "$dir/ca.pem" -CAkey "$t/ca.key" \
      -CAcreateserial -days 3650 -sha256 -extfile "$t/ext" -out "$dir/tls.pem"
  } >"$t/out" 2>&1 || {
    cat "$t/out" >>"$dir/log"
    fail "openssl could not make the certificate"
  }
  rm -rf "$t"
  echo "$name" >"$dir/run/cert-name"
}

# A server that must not run as root gets another user's ids but may still enter
# every folder (CAP_DAC_OVERRIDE), so DIR can be below a 0700 folder such as the
# ones mktemp -d and Go's t.TempDir make. A caller who is not root stays himself.
# as_user USER: sets the array $as, and $run_user, $run_group.
# shellcheck disable=SC2034,SC2054
as_user() {
  as=()
  run_user=$(id -un)
  run_group=$(id -gn)
  if [ "$(id -u)" -eq 0 ]; then
    run_user=$1
    run_group=$(id -gn "$1")
    as=(setpriv --reuid "$run_user" --regid "$run_group" --clear-groups
      --inh-caps=-all,+dac_override,+dac_read_search
      --ambient-caps=-all,+dac_override,+dac_read_search
      # access(2) looks at capabilities of a process that is not root only so
      --securebits=+no_setuid_fixup)
  fi
}

# preload: sets the array $pre to a command prefix that loads preload.c into a
# server, for its log ($1 = syslog) and for FSYNC=never; empty without a C compiler.
preload() {
  pre=()
  local so=$dir/etc/preload.so
  [ "${1:-}" = syslog ] || [ "${FSYNC:-}" = never ] || return 0
  if [ -z "$(command -v cc || true)" ] ||
    ! cc -O1 -shared -fPIC -o "$so" "$lib_dir/preload.c" >>"$dir/log" 2>&1; then
    [ "${FSYNC:-}" != never ] || echo "$prog: no C compiler: FSYNC=never has no effect" >&2
    return 0
  fi
  pre=(env LD_PRELOAD="$so")
  if [ "${1:-}" = syslog ]; then
    pre+=(SYSLOG_FILE="$dir/log" SYSLOG_LEVEL="$(if yes "${DEBUG:-}"; then echo 7; else echo 5; fi)")
  fi
  [ "${FSYNC:-}" != never ] || pre+=(NO_FSYNC=1)
}

own() { [ "$(id -u)" -ne 0 ] || chown -R "$run_user:$run_group" "$@"; }

# launch NAME COMMAND...: detached, output to DIR/log, pid remembered.
# Sets $pid.
launch() {
  local name=$1
  shift
  (cd "$dir" && exec setsid "$@") </dev/null >>"$dir/log" 2>&1 &
  pid=$!
  # setsid execs in place (a background child leads no group), so $! is the server
  note_pid "$name" "$pid" || fail "$name ended at once"
}

# short_run: sets $run, the folder of the unix sockets: DIR/run, or, where DIR is so
# long that a socket's path would not fit, a temporary folder removed by stop.
short_run() {
  run=$dir/run
  if [ ${#dir} -gt 60 ]; then
    run=$(mktemp -d "${TMPDIR:-/tmp}/srv.XXXXXX")
    echo "$run" >"$dir/pids/short"
  fi
}

drop_short() { # DIR
  local t
  if [ -s "$1/pids/short" ]; then
    t=$(cat "$1/pids/short")
    case $t in */srv.??????) rm -rf "$t" ;; esac
    rm -f "$1/pids/short"
  fi
}

# emit KEY=VALUE...: prints them and saves DIR/env.
emit() {
  printf '%s\n' "$@" >"$dir/env.new"
  mv "$dir/env.new" "$dir/env"
  cat "$dir/env"
}

yes() { case ${1:-} in 1 | y | yes | true | on) return 0 ;; esac; return 1; }
