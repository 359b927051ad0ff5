FROM base:1
ENV A=1 B="two words" C=two\ words D='$A' E=
ENV legacy  some   text "with" $A
ENV P=$PATH:/opt/$A-${B}-${NONE:-none}
ENV K$A=key
ENV EMPTY="" QUOTED="a\"b" BACK="a\nb" SINGLE='a\nb'
