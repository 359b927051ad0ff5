FROM base:1
ENV F=foobar.tar.gz E= P=a/b/c
ENV C1=${E:-d} C2=${E-d} C3=${U:-d} C4=${U-d} C5=${F:+s} C6=${E:+s} C7=${E+s} C8=${U+s}
ENV D1=${U:-${F:-x}} D2=${U:-"a b"} D3=\${F} D4='${F}' D5="\$F" D6=$F$F D7=${F}x
ENV E1=$1 E2=$@ E3=a$ E4=$F.txt
