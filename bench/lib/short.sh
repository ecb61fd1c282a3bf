# The short run that guards main: a ratio of medians, never a time, and measured again before it counts as a fault.

section_short() {
  local try middle least most
  fault="a request costs more than $bound times what it costs a bare hyper proxy, $tries times in turn"
  for ((try = 1; try <= tries; try++)); do
    rm -rf "$work/short"
    measure short requests bare sidegate
    read -r middle least most <<<"$(ratio short sidegate bare)"
    echo "| $try | $middle | $least–$most |" >>"$work/tries"
    if within "$middle" "$bound"; then fault=; break; fi
  done
  title 'Authenticated GET of 1 KiB, the short run'
  echo '| try | × bare hyper | least–most |'
  echo '|---|---|---|'
  cat "$work/tries"
}
