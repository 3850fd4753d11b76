// SPDX-License-Identifier: MIT
//
// A calculator: `calculate EXPRESSION...` prints the value of each one, or what is wrong with it.
// Expressions have + - * / ( ), numbers, and the functions sqrt, min and max.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

class syntax_error : public std::runtime_error
{
  public:
    syntax_error(const std::string &what, size_t where)
        : std::runtime_error(what + " at " + std::to_string(where + 1))
    {
    }
};

class Expression
{
  public:
    virtual ~Expression() = default;
    virtual double value() const = 0;
};

using Tree = std::unique_ptr<const Expression>;

class Number : public Expression
{
  public:
    explicit Number(double number) : number(number)
    {
    }
    double value() const override
    {
        return number;
    }

  private:
    double number;
};

class Operation : public Expression
{
  public:
    Operation(char sign, Tree left, Tree right)
        : sign(sign), left(std::move(left)), right(std::move(right))
    {
    }

    double value() const override
    {
        double a = left->value(), b = right->value();
        switch (sign) {
        case '+':
            return a + b;
        case '-':
            return a - b;
        case '*':
            return a * b;
        default:
            if (b == 0) {
                throw std::domain_error("division by zero");
            }
            return a / b;
        }
    }

  private:
    char sign;
    Tree left, right;
};

class Call : public Expression
{
  public:
    Call(std::string name, std::vector<Tree> arguments)
        : name(std::move(name)), arguments(std::move(arguments))
    {
    }

    double value() const override
    {
        if (name == "sqrt") {
            double a = arguments.at(0)->value(); /* none: std::out_of_range */
            if (a < 0) {
                throw std::domain_error("the root of a negative number");
            }
            return std::sqrt(a);
        }
        double best = arguments.at(0)->value();
        for (const Tree &argument : arguments) {
            double a = argument->value();
            best = name == "min" ? std::min(best, a) : std::max(best, a);
        }
        return best;
    }

  private:
    std::string name;
    std::vector<Tree> arguments;
};

class Parser
{
  public:
    explicit Parser(const std::string &text) : text(text)
    {
    }

    Tree parse()
    {
        Tree tree = sum();
        if (peek() != '\0') {
            throw syntax_error(std::string("unexpected ") + peek(), at);
        }
        return tree;
    }

  private:
    const std::string &text;
    size_t at = 0;

    char peek()
    {
        while (at < text.size() && text[at] == ' ') {
            at++;
        }
        return at < text.size() ? text[at] : '\0';
    }

    bool accept(char c)
    {
        bool is_there = peek() == c;
        at += is_there ? 1 : 0;
        return is_there;
    }

    void expect(char c)
    {
        if (!accept(c)) {
            throw syntax_error(std::string("expected ") + c, at);
        }
    }

    Tree sum()
    {
        Tree left = product();
        for (char sign = peek(); sign == '+' || sign == '-'; sign = peek()) {
            at++;
            left = std::make_unique<Operation>(sign, std::move(left), product());
        }
        return left;
    }

    Tree product()
    {
        Tree left = factor();
        for (char sign = peek(); sign == '*' || sign == '/'; sign = peek()) {
            at++;
            left = std::make_unique<Operation>(sign, std::move(left), factor());
        }
        return left;
    }

    Tree factor()
    {
        if (accept('-')) {
            return std::make_unique<Operation>('-', std::make_unique<Number>(0), factor());
        }
        if (accept('(')) {
            Tree tree = sum();
            expect(')');
            return tree;
        }
        return std::isalpha(static_cast<unsigned char>(peek())) ? call() : number();
    }

    Tree number()
    {
        (void)peek();
        const char *start = text.c_str() + at;
        char *end;
        double value = std::strtod(start, &end);
        if (end == start) {
            throw syntax_error("expected a number", at);
        }
        at += static_cast<size_t>(end - start);
        return std::make_unique<Number>(value);
    }

    Tree call()
    {
        size_t start = at;
        while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at]))) {
            at++;
        }
        std::string name = text.substr(start, at - start);
        if (name != "sqrt" && name != "min" && name != "max") {
            throw syntax_error("no function " + name, start);
        }
        std::vector<Tree> arguments;
        expect('(');
        if (!accept(')')) {
            do {
                arguments.push_back(sum());
            } while (accept(','));
            expect(')');
        }
        return std::make_unique<Call>(std::move(name), std::move(arguments));
    }
};

} // namespace

int main(int argc, char **argv)
{
    int status = 0;
    if (argc == 2 && std::string(argv[1]) == "--help") {
        std::cout << "usage: calculate EXPRESSION..." << std::endl;
        return 0;
    }
    std::cout.precision(std::numeric_limits<double>::digits10);
    for (int n = 1; n < argc; n++) {
        std::string text = argv[n];
        std::cout << text << ": ";
        try {
            std::cout << Parser(text).parse()->value() << std::endl;
        } catch (const syntax_error &error) {
            std::cout << "syntax error: " << error.what() << std::endl;
            status = 2;
        } catch (const std::exception &error) {
            std::cout << error.what() << std::endl;
            status = 1;
        }
    }
    return status;
}
