FROM a
ENV legacy  value with  spaces
ENV A=a B="b $A c" C='$A' D=\$A E=x\ y
ENV A=new OLD=$A
ENV ABC=hello DEF=${UNSET:-default} GHI=${A:+set}
ENV TRIM=${OLD#a}. NAME=archive.tar.gz
ENV STEM=${NAME%%.*} EXT=${NAME#*.} REPLACED=${NAME//r/R}
ENV PATH=/opt/bin:$PATH
LABEL "com.example.name"="$A" note="it's"
RUN env
# test: base-env PATH=/bin
# test: base-env HOME=/root
