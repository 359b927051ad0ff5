# Process substitution both ways, coprocesses, here documents, job control, traps.
set -u
cd /srv
paste <(seq 1 3) <(seq 4 6) <(cat <(seq 7 9))
seq 1 1000 | tee >(wc -l > lines) >(md5sum > sum) > all
while [ ! -s lines ] || [ ! -s sum ]; do sleep 0.05; done
cat lines sum
mapfile -t sorted < <(sort -rn all | head -n 3)
echo "${sorted[@]}"
coproc upper { while read -r line; do echo "${line^^}"; done; }
process=$upper_PID
echo "to the coprocess" >&"${upper[1]}"
read -r answer <&"${upper[0]}"
echo "$answer"
exec {upper[1]}>&-
wait "$process"
echo "coprocess $?"
cat <<< "here string" <(echo "and a file") -
set -m
sleep 100 & jobs %1 | tr -s ' ' | cut -d' ' -f2-
victim=$!
kill %1
# By its number: the shell may have seen its end already, and then knows no job any more.
wait "$victim"
echo "killed $?"
set +m
(exit 3) & (sleep 0.2; exit 4) &
wait -n; echo "first $?"
wait -n; echo "second $?"
trap 'echo trapped' USR1
kill -USR1 $$
trap 'echo child' CHLD
/bin/true
trap - CHLD
(trap 'echo leaving' EXIT; exit 5); echo "exit $?"
echo "a b" | { read -r one two; echo "$two $one"; }
[ -p <(sleep 1) ] && echo pipe
true | false | (exit 6) | true; echo "${PIPESTATUS[*]}"
timeout 0.2 sleep 5; echo "timeout $?"
umask 027; : > made; stat -c %a made
ulimit -c 0; ulimit -c
exec 3<> both; echo written >&3; exec 3>&-; cat both
test -t 0 || echo "no terminal"
echo $BASH_SUBSHELL $SHLVL $UID $EUID "${DIRSTACK[0]}"
