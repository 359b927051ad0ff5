FROM base:1
ENV F=foobar.tar.gz E= P=a/b/c
ENV A1=${F%.*} A2=${F%%.*} A3=${F#*o} A4=${F##*o}
ENV B1=${F/o/0} B2=${F//o/0} B3=${P//\//_} B4=${F/%*/x}
ENV X1=${P%/*} X2=${P##*/} X3=${P/?/-} X4=${U#x} X5="${F%"gz"}" X6=${F//[.]/x} X7=${F/./\\/}
