/* The shortest program: what a container start is measured with. */
int main(void) { return 0; }
