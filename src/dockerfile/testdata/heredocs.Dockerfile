FROM a
ARG WHO=world
RUN <<EOF
echo hello $WHO
# kept
echo bye
EOF
RUN <<-EOF
	tabs
		go
	EOF
RUN <<SCRIPT
#!/usr/bin/env python3
print("hi")
SCRIPT
RUN python3 <<ONE && cat <<'TWO' 3<<THREE
print(1)
ONE
two
TWO
three
THREE
COPY <<greeting.txt <<'raw.txt' file /dest/
hello $WHO "quoted" \$x
greeting.txt
hello $WHO
raw.txt
RUN echo "<<NOT" '<<EITHER'
ONBUILD RUN <<EOF
later
EOF
