package greeting;

/** Looks for a class by its name. */
public record Greeting(String name) {
    public String text() {
        return "hello " + name;
    }
}
