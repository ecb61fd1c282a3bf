# The sections of connections that are held: what one more of them takes in the process.

# What a connection costs that has been answered once and waits.
section_idle() {
  held idle "$idle"
  title "Idle connections: $idle more than 500" "${held[@]}"
  held_table idle 'KiB per connection' 'KiB per idle connection' 16
  absent nginx haproxy
}

# What a client costs that asks for 64 MiB, reads the beginning and takes nothing any more.
section_slow() {
  # A gate has two descriptors for each.
  local most=$((($(ulimit -n) - 700) / 2 - 500))
  local -i clients=$((slow < most ? slow : most))
  held slow "$clients"
  title "Clients that read slowly: $clients more than 500" "${held[@]}"
  [ "$clients" = "$slow" ] || printf '%s\n\n' "Not $slow: \`ulimit -n\` is $(ulimit -n) here."
  held_table slow 'KiB per slow client' 'KiB per slow client' 72
  absent nginx haproxy
}

# Holds connections of a kind at each system in turn: a row of the table each, in `$work/KIND`; `held`: the peers among them.
held() {
  local name
  local -i count
  mapfile -t held < <(present nginx haproxy)
  for name in bare sidegate "${held[@]}"; do
    progress "$1, $name"
    up "$name"
    count=$2
    # Each takes up to 1 MiB there: all of them would be more than many a machine has.
    if [ "$1 $name" = 'slow bare' ] && ((count > 2000)); then count=2000; fi
    held_row "$1" "$name" "$count" "$2"
  done >"$work/$1"
}

held_row() {
  local before after few many
  sample requests "$2" 1 >"$work/warm"
  coproc holder { exec taskset -c 1 "$tools/load" "$1" "${address_of[$2]}" "${cookie_of[$2]}" 500 "$3" 2>"$work/load"; }
  # A few first: what is allocated once for all, or was left by the load and used again, is not the connections'.
  read -r few <&"${holder[0]}" || fail "$2 did not answer everything" "$work/load"
  before=$(settled "${pid_of[$2]}")
  echo more >&"${holder[1]}"
  read -r many <&"${holder[0]}" || fail "$2 did not answer everything" "$work/load"
  after=$(settled "${pid_of[$2]}")
  echo enough >&"${holder[1]}"
  wait "$holder_PID" || true
  ((many > few)) || fail "$2 holds no more than $few connections" "$work/load"
  awk -v text="${text_of[$2]}" -v before="$before" -v after="$after" -v n=$((many - few)) -v all="$4" '
    BEGIN {
      if (n < all) text = text ", " n " of them"
      printf "| %s | %.1f | %.1f | %.1f |\n", text, (after - before) / n, before / 1024, after / 1024
    }'
}

# The memory of a process once it grows no more: what is on its way to those who don't take it arrives in a moment.
settled() {
  local now last=0
  for _ in {1..15}; do
    now=$(memory "$1")
    if ((now <= last + last / 200)); then break; fi
    last=$now
    sleep 0.5
  done
  echo "$now"
}

# `held_table KIND COLUMN GOAL BOUND`
held_table() {
  local each
  echo "| system | $2 | MiB with 500 | MiB with all |"
  echo '|---|---|---|---|'
  cat "$work/$1"
  each=$(awk -F ' *[|] *' -v text="${text_of[sidegate]}" 'index($2, text) == 1 { print $3 }' "$work/$1")
  goals <<<"| $3 | ≤ $4 | $each | $(if within "$each" "$4"; then echo yes; else echo no; fi) |"
}
