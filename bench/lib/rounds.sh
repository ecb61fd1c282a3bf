# Rounds in turns, and the tables that are made of them.

# Measures systems in turns with a probe, once to warm up and then `rounds` times. The results of a section lie in
# `$work/SECTION/NAME`: a line a round with CPU µs per unit, units per second, median and p99 in milliseconds.
measure() {
  local section=$1 probe=$2 name round
  shift 2
  mkdir -p "$work/$section"
  for name; do up "$name"; done
  for ((round = 0; round <= rounds; round++)); do
    progress "$section, round $round of $rounds"
    for name; do
      if ((round == 0)); then sample "$probe" "$name" 1 >"$work/warm"; else sample "$probe" "$name" "$seconds" >>"$work/$section/$name"; fi
      # Logs of a line a request would fill the disk.
      : >"$work/$name.log"
    done
  done
}

# A probe that does more than to load says as a fourth figure for how many seconds it did that.
sample() {
  local before begun after ended told
  before=$(ticks "${pid_of[$2]}") begun=${EPOCHREALTIME/./}
  told=$("$1" "$2" "$3")
  after=$(ticks "${pid_of[$2]}") ended=${EPOCHREALTIME/./}
  awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v us=$((ended - begun)) \
    '{ printf "%.3f %.1f %s %s\n", ticks / hz * 1e6 / $1, $1 / (NF > 3 ? $4 * 1e6 : us) * 1e6, $2, $3 }' <<<"$told"
}

progress() { if [ -t 2 ]; then printf '\r\e[K%s' "$1" >&2; fi; }

# The median of one column of a system's rounds: three digits, or `-`.
median() {
  awk -v column="$3" '{ print $column }' "$work/$1/$2" | sort -g | awk '
    { v[NR] = $1 }
    END { m = v[int((NR + 1) / 2)]; if (m == "-") print "–"; else if (m >= 100) printf "%.0f\n", m; else printf "%.3g\n", m }'
}

# A system's CPU per unit divided by another one's, round by round: median, least and most.
ratio() {
  paste -d' ' "$work/$1/$2" "$work/$1/$3" | awk '{ print $1 / $5 }' | sort -g |
    awk '{ v[NR] = $1 } END { printf "%.2f %.2f %.2f\n", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# The table of a section, in which CPU is divided by that of a reference. `$2`: what a unit is called.
table() {
  local section=$1 unit=$2 reference=$3 name scale='µs' middle least most cpu
  shift 3
  [ "$unit" != body ] || scale=ms
  echo "| system | $scale CPU per $unit | × ${text_of[$reference]} | least–most | $(plural "$unit")/s | p50, ms | p99, ms | MiB |"
  echo '|---|---|---|---|---|---|---|---|'
  for name; do
    read -r middle least most <<<"$(ratio "$section" "$name" "$reference")"
    cpu=$(median "$section" "$name" 1)
    [ "$unit" != body ] || cpu=$(awk -v us="$cpu" 'BEGIN { printf "%.3g", us / 1000 }')
    echo "| ${text_of[$name]} | $cpu | $middle | $least–$most | $(median "$section" "$name" 2) |" \
      "$(median "$section" "$name" 3) | $(median "$section" "$name" 4) | $(weight "$name") |"
  done
}

plural() { if [ "$1" = body ]; then echo bodies; else echo "$1s"; fi; }

weight() { memory "${pid_of[$1]}" | awk '{ printf "%.1f", $1 / 1024 }'; }

# One line of what is wanted: `wanted SECTION NAME REFERENCE BOUND [TEXT]`. Silent where the reference wasn't measured.
wanted() {
  local middle least most met=no
  [ -e "$work/$1/$3" ] || return 0
  read -r middle least most <<<"$(ratio "$1" "$2" "$3")"
  within "$middle" "$4" && met=yes
  echo "| ${5:-${text_of[$2]} ÷ ${text_of[$3]}} | ≤ $4 | $middle ($least–$most) | $met |"
}

within() { awk -v value="$1" -v bound="$2" 'BEGIN { exit !(value <= bound) }'; }

# Puts a table of what is wanted around such lines.
goals() {
  local lines
  lines=$(cat)
  [ -n "$lines" ] || return 0
  printf '\n| figure | wanted | median (least–most) | met |\n|---|---|---|---|\n%s\n' "$lines"
}
