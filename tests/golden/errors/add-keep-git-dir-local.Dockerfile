FROM base:1
ADD --keep-git-dir a /b
