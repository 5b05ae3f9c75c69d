FROM a
ENV A="x
