# The short run that guards main: a ratio of medians, never a time, and measured again before it counts as a fault.

section_short() {
  local try middle least most
  title 'Authenticated GET of 1 KiB, the short run'
  for ((try = 1; try <= tries; try++)); do
    rm -rf "$work/short"
    measure short requests bare sidegate
    if ((try == 1)); then echo '| try | × bare hyper | least–most |'; echo '|---|---|---|'; fi
    read -r middle least most <<<"$(ratio short sidegate bare)"
    echo "| $try | $middle | $least–$most |"
    if within "$middle" "$bound"; then return; fi
  done
  # The report is told before the script ends.
  cat "$work/report"
  fail "a request costs more than $bound times what it costs a bare hyper proxy, $tries times in turn"
}
