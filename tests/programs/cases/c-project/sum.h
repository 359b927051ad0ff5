long sum(int count, char **texts);
