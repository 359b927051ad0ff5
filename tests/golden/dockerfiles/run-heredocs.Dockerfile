FROM base:1
RUN <<EOF
echo "one" $A
	tab
EOF
RUN <<-"END"
	echo two
	END
RUN <<SCRIPT
#!/usr/bin/python3
print("three")
SCRIPT
RUN cat <<A > /a; cat <<B > /b
in a
A
in b
B
RUN 3<<IN sh -c 'cat <&3' && echo \
   done
input
IN
RUN ["echo", "<<EOF"]
RUN echo $((1<<2)) "<<NOT"
RUN << EOF
spaced
EOF
RUN <<EOF cat > /x
  # no comment

  \
EOF
