FROM a
# a comment
RUN one && \
    # a comment between
    two && \

    three \  
  four
ENV A=1 \
    B=2 \
# a comment in the first column
    C=3
RUN echo "a \
b"
RUN last \
