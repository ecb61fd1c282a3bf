# Processes of a run: started on a core, waited for, weighed, and ended with it.
# Read by bench/run, which sets `work`.

declare -A pid_of=() address_of=() cookie_of=()
started=()

# Starts a command under a name on a core; what it says goes to a log.
start() {
  local name=$1 core=$2
  shift 2
  # There before anybody reads it, and appended to: it is emptied now and then.
  : >"$work/$name.log"
  taskset -c "$core" "$@" >>"$work/$name.log" 2>&1 &
  pid_of[$name]=$!
  started+=($!)
}

# Ends all that was started.
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}

# Says what went wrong and where, and ends the run.
fail() {
  echo "bench/run: $1" >&2
  if [ -n "${2:-}" ] && [ -e "$2" ]; then tail -n 30 "$2" >&2; fi
  exit 1
}

# Waits until a process has said where it listens, and prints that. (A gate says of its admin listener "health and metrics at".)
said_address() {
  local found
  for _ in {1..3000}; do
    found=$(sed -n 's#.*listening on \(http://\)\?\([0-9.:]*\).*#\2#p;T;q' "$work/$1.log")
    if [ -n "$found" ]; then echo "$found"; return; fi
    kill -0 "${pid_of[$1]}" 2>/dev/null || break
    sleep 0.01
  done
  fail "$1 did not start" "$work/$1.log"
}

# Waits until a process listens at a port.
listens() {
  for _ in {1..3000}; do
    if is_open "$2"; then return; fi
    kill -0 "${pid_of[$1]}" 2>/dev/null || break
    sleep 0.01
  done
  fail "$1 did not start" "$work/$1.log"
}

is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of so many ports in a row that are free, below those that clients' sockets get.
free_ports() {
  local first port
  for _ in {1..100}; do
    first=$((20000 + RANDOM % 12000))
    for ((port = first; port < first + $1; port++)); do
      if is_open "$port"; then continue 2; fi
    done
    echo "$first"
    return
  done
  fail "no free ports"
}

# A process and all that it has started, and those in turn.
tree() {
  local child
  echo "$1"
  # Threads come and go meanwhile.
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do tree "$child"; done
}

# CPU time of a tree of processes, all threads, in ticks of the clock (10 ms).
ticks() {
  local pid stat sum=0
  local -a fields
  for pid in $(tree "$1"); do
    stat=$(<"/proc/$pid/stat")
    # Behind the name, which may hold spaces: utime and stime are the 12th and 13th field.
    read -ra fields <<<"${stat##*) }"
    sum=$((sum + fields[11] + fields[12]))
  done
  echo "$sum"
}

# Memory of a tree of processes in KiB: what they share with each other counts once (PSS).
memory() {
  local pid
  for pid in $(tree "$1"); do awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"; done | awk '{ s += $1 } END { print s }'
}
