# One line of progress in place of pip's many: pip install … | awk -v total=N -f tools/pip_progress.awk
# On a terminal the line is written over; elsewhere there is one at every tenth of the packages.
function say(text) { if (terminal) printf "\r%-70s", text; else print text; fflush() }
BEGIN { terminal = system("test -t 1") == 0; step = int(total / 10) + 1 }
/^Collecting / { n++; if (terminal || n % step == 0) say(n " of " total " packages: " $2) }
/^Installing collected packages/ { say("installing " total " packages") }
/^(ERROR|WARNING)/ { print "\n" $0 }
END { if (terminal) print "" }
