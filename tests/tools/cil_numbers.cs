// SPDX-License-Identifier: MIT
//
// Decimals, conversions between simple types, and numbers in texts of each style, at their limits. All output is the same as
// with mono's class library. Floats are printed as their bits: mono writes other digits.
using System;
using System.Globalization;
using System.Runtime.InteropServices;

static class P
{
    enum Small : byte { A = 1 }

    static readonly IFormatProvider Any = CultureInfo.InvariantCulture;

    static readonly decimal[] Values = {
        0m, 1m, -1m, 0.1m, 1.50m, -2.5m, 3m, 7m, 1e-28m, 0.0000000000000000000000000005m, 79228162514264337593543950335m,
        -79228162514264337593543950335m, 7922816251426433759354395033.5m, 12345678901234567890.123456789m,
        0.3333333333333333333333333333m, 100m, 1000000000000000000000000000m, 4294967296m, 18446744073709551616m, 2.00m, 0.00m,
        -0.0m, 1.005m, 65535m, 6.0000000000000000000000000001m,
    };

    static readonly string[] Formats = { "G", "F0", "F2", "N3", "E4", "P1", "G3", "0.000", "#,##0.##", "D", "X4", "R" };

    static readonly double[] Floats = {
        0, -0.0, 1, 0.1, 1.0 / 3, 2.0 / 3, 1e28, 7.9e28, 8e28, -1e29, 1e-28, 1e-29, 5e-29, 1.23456789012345678, 100000000000000.5,
        100000000000001.5, 123456789012345678, Double.NaN, Double.PositiveInfinity, Double.Epsilon, 0.1f, 1e15, 123.456,
        9.9999999999999999,
    };

    static readonly object[] Things = {
        true, false, 'A', '\uffff', (sbyte)-1, (byte)200, (short)-300, (ushort)60000, -5, 5u, -5000000000L, 18446744073709551615UL,
        1.5f, 2.5, -0.5, 1e20, 3.5m, -4.5m, 300m, "12", "x", "", "True", "3.5", null, DayOfWeek.Friday, DateTime.MinValue,
        new object(),
    };

    static readonly Type[] Types = {
        typeof(bool), typeof(char), typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint),
        typeof(long), typeof(ulong), typeof(float), typeof(double), typeof(decimal), typeof(object), typeof(DayOfWeek), typeof(P),
        typeof(string), null,
    };

    static readonly string[] Texts = {
        "12", " 12 ", "-12", "12-", "(12)", "(-12)", "( 12)", "(12", "1,234", "1,2,3", ",1", "1.0", "1.5", "1.", ".5", ".", "1e2",
        "1e", "1e+", "1E-1", "12e-1", "FF", "ff", "0xff", "-FF", "FFFFFFFF", "100000000", "80", "\u00a412", "12\u00a4",
        "\u00a4\u00a41", "-\u00a4 1", "+-1", "- 1", "1 -", "", " ", "00000000000000000000000000000012", "99999999999999999999",
        "NaN", "Infinity", "-Infinity", "0.00", "1.50", "79228162514264337593543950335", "79228162514264337593543950336",
        "79228162514264337593543950335.4", "79228162514264337593543950335.5", "0.00000000000000000000000000005",
        "0.00000000000000000000000000015", "1.23456789012345678901234567890123456789", "1e28", "1e-28", "1e-40", "1e29", null,
    };

    static readonly NumberStyles[] Styles = {
        NumberStyles.None, NumberStyles.Integer, NumberStyles.Number, NumberStyles.Float, NumberStyles.Currency, NumberStyles.Any,
        NumberStyles.HexNumber, NumberStyles.AllowThousands, NumberStyles.AllowHexSpecifier | NumberStyles.AllowDecimalPoint,
        NumberStyles.AllowExponent, (NumberStyles)1024,
    };

    static string Bits(double d) { return BitConverter.DoubleToInt64Bits(d).ToString("X"); }

    static string TextOf(object o)
    {
        IFormattable f = o as IFormattable;
        return o is float ? Bits((float)o) : o is double ? Bits((double)o) : f != null ? f.ToString(null, Any) : o.ToString();
    }

    static string Show(Func<object> f)
    {
        try
        {
            object o = f();
            return o == null ? "null" : o.GetType().Name + " " + TextOf(o);
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    static void Print(params Func<object>[] all)
    {
        string line = "";
        foreach (Func<object> f in all)
            line += Show(f) + " | ";
        Console.WriteLine(line);
    }

    static void Pairs(decimal a)
    {
        foreach (decimal b in Values)
        {
            Print(() => a + b, () => a - b, () => a * b, () => a % b, () => a / b);
            Console.WriteLine(a.CompareTo(b) + " " + (a == b) + (a < b) + (a.GetHashCode() == b.GetHashCode()));
        }
    }

    static void Decimals()
    {
        foreach (decimal a in Values)
        {
            Print(() => a, () => Decimal.Truncate(a), () => Decimal.Floor(a), () => Math.Ceiling(a), () => Decimal.Round(a, 1),
                  () => Decimal.Round(a, 27), () => Math.Round(a, 2, MidpointRounding.AwayFromZero), () => Decimal.Round(a, 29));
            Print(() => (double)a, () => (float)a, () => (long)a, () => (ulong)a, () => (int)a, () => (byte)a, () => (sbyte)a);
            Console.WriteLine(String.Join(",", Decimal.GetBits(a)) + (a == new decimal(Decimal.GetBits(a))));
            foreach (string f in Formats)
                Print(() => a.ToString(f, Any));
            Pairs(a);
        }
        Print(() => new decimal(new int[] { 1, 2, 3, 29 << 16 }), () => new decimal(1, 2, 3, true, 29), () => new decimal(new int[3]));
    }

    static uint seed = 1;

    static int Next()
    {
        seed = seed * 1664525 + 1013904223;
        return (int)(seed ^ seed >> 15);
    }

    static decimal NextDecimal()
    {
        int kind = Next() & 3;
        return new decimal(Next(), kind > 0 ? Next() : 0, kind > 1 ? Next() : 0, Next() < 0, (byte)((uint)Next() % 29));
    }

    static void Random()
    {
        for (int n = 0; n < 1000; n++)
        {
            decimal a = NextDecimal(), b = NextDecimal();
            int places = (int)((uint)Next() % 29);
            Print(() => a + b, () => a - b, () => a * b, () => a / b, () => a % b, () => a.CompareTo(b),
                  () => Decimal.Round(a, places), () => Decimal.Parse(a.ToString(Any), Any) == a);
        }
        foreach (double d in Floats)
            Print(() => (decimal)d, () => (decimal)(float)d, () => Convert.ToInt32(d), () => Convert.ToUInt64(d),
                  () => Convert.ToByte(d), () => Convert.ToInt64((float)d));
    }

    static void Conversions()
    {
        foreach (object o in Things)
        {
            Print(() => o, () => Convert.ToBoolean(o), () => Convert.ToChar(o), () => Convert.ToSByte(o), () => Convert.ToByte(o),
                  () => Convert.ToInt16(o), () => Convert.ToUInt16(o), () => Convert.ToInt32(o), () => Convert.ToUInt32(o),
                  () => Convert.ToInt64(o), () => Convert.ToUInt64(o), () => Convert.ToSingle(o), () => Convert.ToDouble(o),
                  () => Convert.ToDecimal(o), () => Convert.GetTypeCode(o));
            foreach (Type t in Types)
                Print(() => Convert.ChangeType(o, t, Any));
            Print(() => Convert.ChangeType(o, TypeCode.String, Any), () => Convert.ChangeType(o, TypeCode.Object),
                  () => Convert.ChangeType(o, TypeCode.Empty), () => Convert.ChangeType(o, TypeCode.UInt16));
        }
    }

    static void Codes()
    {
        Type[] more = { typeof(DateTime), typeof(int[]), typeof(Small), typeof(IntPtr), typeof(IComparable), typeof(TimeSpan) };
        foreach (Type[] types in new Type[][] { Types, more })
            foreach (Type t in types)
                Console.WriteLine(Type.GetTypeCode(t) + (t == null ? "" : " " + t.IsEnum + t.IsValueType + t.IsArray));
        Console.WriteLine(Small.A.GetTypeCode() + " " + DayOfWeek.Friday.GetTypeCode() + " " + 1.5m.GetTypeCode() + " " + "".GetTypeCode());
        Console.WriteLine(new ArgumentException("message", "name").ParamName + new ArgumentNullException("other").ParamName);
    }

    static void ReadAll(NumberStyles style, string s)
    {
        sbyte small = 1;
        uint word = 1;
        decimal d = 1;
        double f = 1;
        Console.Write(style + " " + s + ": ");
        Print(() => SByte.Parse(s, style, Any), () => Int32.Parse(s, style), () => Byte.Parse(s, style, Any),
              () => UInt64.Parse(s, style, Any), () => Decimal.Parse(s, style, Any), () => Double.Parse(s, style, Any));
        Print(() => SByte.TryParse(s, style, Any, out small), () => UInt32.TryParse(s, style, Any, out word),
              () => Decimal.TryParse(s, style, Any, out d), () => Double.TryParse(s, style, Any, out f));
        Console.WriteLine(small + " " + word + " " + d.ToString(Any) + " " + Bits(f));
    }

    static void Memory()
    {
        GCHandle handle = GCHandle.Alloc(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, GCHandleType.Pinned);
        IntPtr p = handle.AddrOfPinnedObject();
        Print(() => Marshal.ReadByte(p, 9), () => Marshal.ReadInt16(p, 1), () => Marshal.ReadInt32(p, 3), () => Marshal.ReadInt64(p),
              () => Marshal.ReadIntPtr(p, 2).ToInt64(), () => Marshal.ReadInt32(IntPtr.Zero));
        Marshal.WriteInt16(p, 7, -2);
        Marshal.WriteByte(p, 0);
        Marshal.WriteIntPtr(p, 1, (IntPtr)0x0102030405060708);
        Print(() => Marshal.ReadInt64(p, 0), () => Marshal.ReadInt64(p, 2));
        handle.Free();
    }

    static void Main()
    {
        Decimals();
        Random();
        Conversions();
        Codes();
        foreach (NumberStyles style in Styles)
            foreach (string s in Texts)
                ReadAll(style, s);
        Memory();
    }
}
