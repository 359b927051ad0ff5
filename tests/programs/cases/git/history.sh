#!/bin/sh
# Makes a history in the working folder: 30 commits, a branch, a merge, a tag, a submodule, a hook.
set -e
git init -q .
for number in $(seq 1 30); do
    seq 1 "$number" | sed "s/^/line /" > "file-$number"
    git add .
    git commit -qm "Number $number"
done
printf '#!/bin/sh\necho "the hook ran"\n' > .git/hooks/pre-commit
chmod 755 .git/hooks/pre-commit
git checkout -qb side HEAD~5
ln -s file-1 link
mkdir deep && printf 'echo hello\n' > deep/script && chmod 755 deep/script
git add .
git commit -m "A link and a program"
git checkout -q main
git merge -m "Together" side
git tag -a -m "First" v1
git checkout -qb with-submodule
git submodule --quiet add file:///srv/origin module
git commit -qm "A submodule"
git checkout -q main
rm -rf module
git repack -qad
