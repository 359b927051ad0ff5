class Broken {
    int number = "text";
}
