FROM a
ENV A=1 b c
