// SPDX-License-Identifier: MIT
//
// Greets the names in its arguments, or the world: strings, objects, a virtual call, a loop over an array.
using System;

abstract class Greeting
{
    public abstract string Text { get; }
}

sealed class ForWorld : Greeting
{
    public override string Text { get { return "Hello, world!"; } }
}

sealed class ForName : Greeting
{
    readonly string name;

    public ForName(string name) { this.name = name; }
    public override string Text { get { return "Hello, " + name + "!"; } }
}

static class Hello
{
    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: hello [NAME...]");
            return 0;
        }
        if (args.Length == 0)
            Console.WriteLine(new ForWorld().Text);
        foreach (string name in args)
        {
            Greeting greeting = new ForName(name);
            Console.WriteLine(greeting.Text);
        }
        return args.Length;
    }
}
