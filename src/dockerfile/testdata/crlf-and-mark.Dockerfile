# escape=\
FROM a
RUN one \
  two
ENV A=1
