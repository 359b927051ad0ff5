#!/bin/sh
# Writes $1 folders with $2 sources each, and a program that calls them all.
set -e
echo '#include <stdio.h>' > main.c
for part in $(seq 1 "$1"); do
    mkdir "part-$part"
    printf 'include ../part.mk\n' > "part-$part/Makefile"
    for file in $(seq 1 "$2"); do
        printf 'int f_%s_%s(int x);\nint f_%s_%s(int x) { return x + %s; }\n' \
            "$part" "$file" "$part" "$file" "$file" > "part-$part/file-$file.c"
        printf 'int f_%s_%s(int x);\n' "$part" "$file" >> main.c
    done
done
printf 'int main(void)\n{\n    int x = 0;\n' >> main.c
for part in $(seq 1 "$1"); do
    for file in $(seq 1 "$2"); do
        printf '    x = f_%s_%s(x);\n' "$part" "$file" >> main.c
    done
done
printf '    printf("%%d\\n", x);\n    return 0;\n}\n' >> main.c
cat > part.mk <<'END'
OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))
part.a: $(OBJECTS)
	$(AR) rcs $@ $(sort $^)
%.o: %.c
	$(CC) -O1 -c -o $@ $<
END
